{{/* The chart's name, or what stands for it. */}}
{{- define "streamset.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of all objects. */}}
{{- define "streamset.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $own := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $own .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of the account that the operator runs as. */}}
{{- define "streamset.account" -}}
{{- $unnamed := .Values.serviceAccount.create | ternary (include "streamset.fullname" .) "default" }}
{{- default $unnamed .Values.serviceAccount.name }}
{{- end }}

{{/* What selects the operator's pod. A Deployment's selector cannot change, so nothing else belongs here. */}}
{{- define "streamset.selector" -}}
{{- dict
  "app.kubernetes.io/name" (include "streamset.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/component" "operator"
  | toYaml }}
{{- end }}

{{/* What selects the pod of `helm test`. */}}
{{- define "streamset.testSelector" -}}
{{- merge (dict "app.kubernetes.io/component" "test") (include "streamset.selector" . | fromYaml) | toYaml }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "streamset.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  }}
{{- merge $own (include "streamset.selector" . | fromYaml) .Values.commonLabels | toYaml }}
{{- end }}

{{/* An image, of a dict with `root` and one of the values `image` and `relayImage`. */}}
{{- define "streamset.image" -}}
{{- $parts := list .root.Values.imageRegistry .image.repository | compact | join "/" }}
{{- if .image.digest }}
{{- printf "%s@%s" $parts .image.digest }}
{{- else }}
{{- printf "%s:%s" $parts (default .root.Chart.AppVersion .image.tag) }}
{{- end }}
{{- end }}

{{/* The operator's settings: variable → value, as text. Where the operator has a default, `none` empties a list. */}}
{{- define "streamset.settings" -}}
{{- $network := .Values.networkPolicy }}
{{- $timing := .Values.timing }}
{{- dict
  "RELAY_IMAGE" (include "streamset.image" (dict "root" . "image" .Values.relayImage))
  "RELAY_IMAGE_PULL_SECRETS" (join "," .Values.relayImage.pullSecrets)
  "WATCH_NAMESPACES" (join "," .Values.watch.namespaces)
  "REPORT_INTERVAL" (toString .Values.reportInterval)
  "API_SERVER_PORTS" (join "," $network.apiServerPorts)
  "API_SERVER_CIDRS" (join "," $network.apiServerCIDRs)
  "INGRESS_NAMESPACES" (join "," $network.ingressNamespaces | default "none")
  "MONITORING_NAMESPACES" (join "," $network.monitoringNamespaces | default "none")
  "MOVE_PATIENCE" (toString $timing.movePatience)
  "RESYNC_INTERVAL" (toString $timing.resyncInterval)
  "RETRY_INITIAL_DELAY" (toString $timing.retryInitialDelay)
  "RETRY_MAX_DELAY" (toString $timing.retryMaxDelay)
  "WATCH_TIMEOUT" (toString $timing.watchTimeout)
  "REQUEST_TIMEOUT" (toString $timing.requestTimeout)
  "WORKERS" (toString .Values.workers)
  "HEALTH_PORT" (toString .Values.health.port)
  "METRICS_PORT" (toString .Values.metrics.port)
  "LOG_LEVEL" .Values.logLevel
  | toYaml }}
{{- end }}

{{/* Refuses values that contradict each other; the schema looks at each alone. */}}
{{- define "streamset.validate" -}}
{{- if lt (float64 .Values.timing.retryMaxDelay) (float64 .Values.timing.retryInitialDelay) }}
{{- fail "timing.retryMaxDelay: at least timing.retryInitialDelay" }}
{{- end }}
{{- if eq (int .Values.metrics.port) (int .Values.health.port) }}
{{- fail "metrics.port: another one than health.port" }}
{{- end }}
{{- $settings := include "streamset.settings" . | fromYaml }}
{{- range .Values.extraEnv }}
{{- if hasKey $settings .name }}
{{- fail (printf "extraEnv: %s is what a value of this chart stands for; set that one" .name) }}
{{- end }}
{{- end }}
{{- end }}
