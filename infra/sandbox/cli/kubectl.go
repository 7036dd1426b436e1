//go:build linux

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/process"
)

// kubectl calls the sandbox cluster.
type kubectl struct{ path, kubeconfig string }

func (sb *sandbox) kubectl(info daemon.Info) kubectl {
	return kubectl{path: sb.path("bin", "kubectl"), kubeconfig: info.Kubeconfig}
}

// run runs kubectl and returns its output.
func (k kubectl) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, k.path, append([]string{"--kubeconfig", k.kubeconfig}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w", strings.Join(args[:2], " "), errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))))
	}
	return out, nil
}

// awaitHelm waits until a release in a namespace has a status. Helm stores revisions as secrets with a status label.
func (k kubectl) awaitHelm(ctx context.Context, namespace, status string) error {
	args := []string{
		"--kubeconfig", k.kubeconfig, "get", "secrets", "--namespace", namespace, "--watch", "--output", "name",
		"--selector", "owner=helm,status=" + status,
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.path, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(cmd, syscall.SIGKILL); err != nil {
		return err
	}
	seen := bufio.NewScanner(out).Scan()
	cancel()
	if err := cmd.Wait(); !seen {
		return fmt.Errorf("no release is %s: %w", status, err)
	}
	return nil
}

// unfinished are the statuses by which Helm marks an operation in progress.
var unfinished = []string{"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"}

// kubeObject identifies an object in the cluster.
type kubeObject struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
}

// namespacesAndSecrets returns those of the whole cluster.
func (k kubectl) namespacesAndSecrets(ctx context.Context) ([]kubeObject, error) {
	out, err := k.run(ctx, "get", "namespaces,secrets", "--all-namespaces", "--output", "json")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []kubeObject }
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("namespaces and secrets: %w", err)
	}
	return list.Items, nil
}

// pod holds the relevant facts of a running pod.
type pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Status    string `json:"status"` // such as "Running" or the waiting reason
	Image     string `json:"image"`  // as requested
	Digest    string `json:"digest"` // of the pulled image, with registry

	PullSecret bool `json:"-"` // whether it names one
}

// pods returns the pods in the given namespaces.
func (k kubectl) pods(ctx context.Context, namespaces map[string]bool) ([]pod, error) {
	out, err := k.run(ctx, "get", "pods", "--all-namespaces", "--output", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Namespace, Name, DeletionTimestamp string }
			Spec     struct{ ImagePullSecrets []struct{ Name string } }
			Status   struct {
				Phase             string
				ContainerStatuses []struct {
					Image, ImageID string
					State          struct{ Waiting, Terminated *struct{ Reason string } }
				}
			}
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("pods: %w", err)
	}
	var pods []pod
	for _, item := range list.Items {
		if !namespaces[item.Metadata.Namespace] || item.Metadata.DeletionTimestamp != "" {
			continue
		}
		p := pod{Namespace: item.Metadata.Namespace, Name: item.Metadata.Name, Status: item.Status.Phase, PullSecret: len(item.Spec.ImagePullSecrets) > 0}
		for _, c := range item.Status.ContainerStatuses {
			p.Image, p.Digest = c.Image, c.ImageID
			if w := c.State.Waiting; w != nil {
				p.Status = w.Reason
			} else if t := c.State.Terminated; t != nil {
				p.Status = t.Reason
			}
		}
		pods = append(pods, p)
	}
	return pods, nil
}

// warnings returns the distinct warning events in the given namespaces since a time, oldest first.
func (k kubectl) warnings(ctx context.Context, namespaces map[string]bool, since time.Time) ([]string, error) {
	out, err := k.run(ctx, "get", "events", "--all-namespaces", "--field-selector", "type=Warning",
		"--sort-by", ".metadata.creationTimestamp", "--output", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct {
				Namespace         string
				CreationTimestamp time.Time
			}
			LastTimestamp   time.Time
			InvolvedObject  struct{ Kind, Name string }
			Reason, Message string
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	var lines []string
	for _, e := range list.Items {
		last := e.LastTimestamp
		if last.IsZero() {
			last = e.Metadata.CreationTimestamp
		}
		if !namespaces[e.Metadata.Namespace] || last.Before(since.Truncate(time.Second)) {
			continue
		}
		line := fmt.Sprintf("%s %s/%s: %s: %s", e.Metadata.Namespace, strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, e.Message)
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// port returns the port of an address.
func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}
