package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"customer360/cmd/customer360/internal/web"
)

type probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
		Port string `yaml:"port"`
	} `yaml:"httpGet"`
}

type podSpec struct {
	Grace      int `yaml:"terminationGracePeriodSeconds"`
	Containers []struct {
		Image     string   `yaml:"image"`
		Args      []string `yaml:"args"`
		Liveness  probe    `yaml:"livenessProbe"`
		Readiness probe    `yaml:"readinessProbe"`
		Startup   probe    `yaml:"startupProbe"`
		Lifecycle any      `yaml:"lifecycle"`
		Ports     []struct {
			Name          string `yaml:"name"`
			ContainerPort int    `yaml:"containerPort"`
		} `yaml:"ports"`
		VolumeMounts []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
		SecurityContext struct {
			ReadOnly   bool `yaml:"readOnlyRootFilesystem"`
			Escalation bool `yaml:"allowPrivilegeEscalation"`
		} `yaml:"securityContext"`
	} `yaml:"containers"`
	Volumes []struct {
		Name string `yaml:"name"`
	} `yaml:"volumes"`
}

type workload struct {
	Spec struct {
		ServiceName string `yaml:"serviceName"`
		Template    struct {
			Metadata struct {
				Labels map[string]string `yaml:"labels"`
			} `yaml:"metadata"`
			Spec podSpec `yaml:"spec"`
		} `yaml:"template"`
		Claims []struct {
			Metadata struct {
				Name string `yaml:"name"`
			} `yaml:"metadata"`
		} `yaml:"volumeClaimTemplates"`
	} `yaml:"spec"`
}

func TestKubernetes(t *testing.T) {
	c := configured(t, "kubernetes/customer360.yaml")
	for _, name := range []string{"kubernetes/statefulset.yaml", "kubernetes/topics-job.yaml"} {
		var w workload
		decode(t, name, &w)
		pod := w.Spec.Template.Spec
		if len(pod.Containers) != 1 {
			t.Fatalf("%s: %d containers", name, len(pod.Containers))
		}
		container := pod.Containers[0]
		accepted(t, container.Args...)
		if !container.SecurityContext.ReadOnly || container.SecurityContext.Escalation || container.Lifecycle != nil {
			t.Errorf("%s: %+v", name, container.SecurityContext)
		}
		var volumes, mounts []string
		for _, v := range pod.Volumes {
			volumes = append(volumes, v.Name)
		}
		for _, v := range w.Spec.Claims {
			volumes = append(volumes, v.Metadata.Name)
		}
		for _, m := range container.VolumeMounts {
			if mounts = append(mounts, m.MountPath); !slices.Contains(volumes, m.Name) {
				t.Errorf("%s mounts %s, which is no volume", name, m.Name)
			}
		}
		config := container.Args[slices.Index(container.Args, "--config")+1]
		want := []string{config, strings.TrimSuffix(c.Couchbase.PasswordFile, "/couchbase.password")}
		if name == "kubernetes/statefulset.yaml" {
			want = append(want, c.StateDir, c.Loyalty.Folder)
		}
		for _, path := range want {
			if !slices.Contains(mounts, path) {
				t.Errorf("%s: nothing is mounted at %s", name, path)
			}
		}
	}
}

func TestKubernetesProbes(t *testing.T) {
	var set workload
	decode(t, "kubernetes/statefulset.yaml", &set)
	var service struct {
		Metadata struct{ Name string }
		Spec     struct {
			Selector map[string]string
			Ports    []struct {
				Port       int
				TargetPort string `yaml:"targetPort"`
			}
		}
	}
	decode(t, "kubernetes/service.yaml", &service)
	container := set.Spec.Template.Spec.Containers[0]
	port := container.Ports[0]
	if set.Spec.ServiceName != service.Metadata.Name || service.Spec.Ports[0].TargetPort != port.Name || service.Spec.Ports[0].Port != 8360 || port.ContainerPort != 8360 {
		t.Errorf("service %+v, container %+v", service, port)
	}
	for key, value := range service.Spec.Selector {
		if set.Spec.Template.Metadata.Labels[key] != value {
			t.Errorf("the service looks for %s=%s", key, value)
		}
	}
	if set.Spec.Template.Spec.Grace != 60 {
		t.Errorf("%d s to end", set.Spec.Template.Spec.Grace)
	}
	server := web.New("127.0.0.1:0", false, prometheus.NewRegistry(), func() []web.Part { return nil })
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Run(t.Context()) }()
	t.Cleanup(func() { // the context ends before
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for _, p := range []probe{container.Liveness, container.Startup, container.Readiness, {HTTPGet: struct {
		Path string `yaml:"path"`
		Port string `yaml:"port"`
	}{"/metrics", port.Name}}} {
		answer, err := http.Get("http://" + server.Addr() + p.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK || p.HTTPGet.Port != port.Name {
			t.Errorf("%+v: %s", p, answer.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if container.Liveness.HTTPGet.Path != "/healthz" || container.Readiness.HTTPGet.Path != "/readyz" {
		t.Error("a source that is away would restart the pod")
	}
}
