// The container that holds a pod's namespaces.
module streams.petrosa.io/hack/kind/pause

go 1.26.0
