// Package kubernetes holds the manifests beside it to Kubernetes' own types.
package kubernetes

import (
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// kinds has what the API server would decode each manifest into.
var kinds = map[string]func() any{
	"v1 Namespace":                  func() any { return new(corev1.Namespace) },
	"v1 Service":                    func() any { return new(corev1.Service) },
	"apps/v1 StatefulSet":           func() any { return new(appsv1.StatefulSet) },
	"batch/v1 Job":                  func() any { return new(batchv1.Job) },
	"policy/v1 PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
}

// others are not Kubernetes' own: the configuration itself, kustomize, the Prometheus operator.
var others = map[string]bool{"customer360.yaml": true, "kustomization.yaml": true, "servicemonitor.yaml": true}

func TestManifestsDecodeStrictly(t *testing.T) {
	names, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		if others[name] {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(text, &kind); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		decode, ok := kinds[kind.APIVersion+" "+kind.Kind]
		if !ok {
			t.Errorf("%s: %s %s is not known here", name, kind.APIVersion, kind.Kind)
			continue
		}
		if err := yaml.UnmarshalStrict(text, decode()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		seen++
	}
	if seen != len(kinds) {
		t.Errorf("%d manifests, want %d", seen, len(kinds))
	}
}

func TestUnknownFieldsAreErrors(t *testing.T) {
	if err := yaml.UnmarshalStrict([]byte("spec: {replica: 3}"), new(appsv1.StatefulSet)); err == nil {
		t.Error("a field that does not exist is taken")
	}
	if err := yaml.UnmarshalStrict([]byte("spec: {replicas: three}"), new(appsv1.StatefulSet)); err == nil {
		t.Error("text is taken for a number")
	}
}
