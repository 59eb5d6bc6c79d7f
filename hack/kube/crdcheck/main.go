// Command crdcheck tells whether an API server of the oldest supported Kubernetes would take a
// CustomResourceDefinition: it runs that version's own defaulting and validation, which compiles
// every CEL rule in that version's environment and holds it to that version's cost budget.
//
//	crdcheck < crd.yaml
//
// Exit code 0: taken; 1: refused, with one reason a line; 2: not a CustomResourceDefinition.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

func main() {
	crd, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	problems := validation.ValidateCustomResourceDefinition(context.Background(), crd)
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// read decodes as an API server does: unknown fields are errors, defaults are set.
func read(source io.Reader) (*apiextensions.CustomResourceDefinition, error) {
	text, err := io.ReadAll(source)
	if err != nil {
		return nil, err
	}
	var crd v1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	scheme.Default(&crd)
	var internal apiextensions.CustomResourceDefinition
	if err := scheme.Convert(&crd, &internal, nil); err != nil {
		return nil, err
	}
	// The API server itself writes this on creation.
	internal.Status.StoredVersions = []string{crd.Spec.Versions[0].Name}
	return &internal, nil
}
