//go:build linux

package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/pki"
)

// means breaks or repairs something.
type means = func(context.Context, *faultRun) error

// allOf runs several means in sequence.
func allOf(all ...means) means {
	return func(ctx context.Context, r *faultRun) error {
		for _, one := range all {
			if err := one(ctx, r); err != nil {
				return err
			}
		}
		return nil
	}
}

// deleteAllStrays deletes the orphans, as a user does when the failure lists them.
func deleteAllStrays(ctx context.Context, r *faultRun) error {
	info, err := r.services.Info(ctx)
	if err != nil {
		return err
	}
	known, err := engine.Known(r.dir)
	if err != nil {
		return err
	}
	for _, id := range strays(info.Inventory, idsOf(known)) {
		if err := r.services.Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func kubectlDoes(args ...string) means {
	return func(ctx context.Context, r *faultRun) error {
		_, err := r.kube(ctx, args...)
		return err
	}
}

// kube runs kubectl against the sandbox's cluster.
func (r *faultRun) kube(ctx context.Context, args ...string) (string, error) {
	info, err := r.services.Info(ctx)
	if err != nil {
		return "", err
	}
	out, err := r.kubectl(info).run(ctx, args...)
	return string(out), err
}

func kubectlApplies(manifest string) means {
	return func(ctx context.Context, r *faultRun) error {
		info, err := r.services.Info(ctx)
		if err != nil {
			return err
		}
		kube := r.kubectl(info)
		cmd := exec.CommandContext(ctx, kube.path, "--kubeconfig", kube.kubeconfig, "apply", "--filename", "-")
		cmd.Stdin = strings.NewReader(manifest)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("kubectl apply: %w: %s", err, out)
		}
		return nil
	}
}

// claim requests a volume that no provisioner creates.
const claim = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: ` + victim + `},
	spec: {storageClassName: "", accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`

func outage(process string) means {
	return func(ctx context.Context, r *faultRun) error { return r.services.Outage(ctx, process, false) }
}

func outageOver(process string) means {
	return func(ctx context.Context, r *faultRun) error { return r.services.Outage(ctx, process, true) }
}

// whileUpgrading waits until Helm has started an upgrade, and then breaks something.
func whileUpgrading(breakIt means) means {
	return func(ctx context.Context, r *faultRun) error {
		info, err := r.services.Info(ctx)
		if err != nil {
			return err
		}
		if err := r.kubectl(info).awaitHelm(ctx, victim, "pending-upgrade"); err != nil {
			return err
		}
		return breakIt(context.WithoutCancel(ctx), r)
	}
}

// refuseDeployments adds an admission webhook that rejects all changes of deployments in the namespace. It runs here until
// allowDeployments.
func refuseDeployments(ctx context.Context, r *faultRun) error {
	ca, err := pki.EnsureCA(r.path("pki"), "acr-microservices sandbox")
	if err != nil {
		return err
	}
	certPEM, keyPEM, err := ca.Server("127.0.0.1")
	if err != nil {
		return err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return err
	}
	r.webhook = &http.Server{Handler: http.HandlerFunc(refuse), ReadHeaderTimeout: time.Minute}
	go r.webhook.Serve(listener) //nolint:errcheck // ends with allowDeployments
	return kubectlApplies(fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration,
		metadata: {name: sandbox}, webhooks: [{name: policy.sandbox.example, admissionReviewVersions: [v1], sideEffects: None,
		clientConfig: {url: "https://127.0.0.1:%d/", caBundle: %s},
		namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}},
		rules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]}]}`,
		listener.Addr().(*net.TCPAddr).Port, base64.StdEncoding.EncodeToString(ca.CertPEM()), victim))(ctx, r)
}

// refuse rejects an admission review: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers
func refuse(w http.ResponseWriter, q *http.Request) {
	var review struct {
		Request struct{ UID string }
	}
	if err := json.NewDecoder(q.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": map[string]any{
			"uid": review.Request.UID, "allowed": false, "status": map[string]any{"message": "every change needs a ticket"},
		},
	})
}

func allowDeployments(ctx context.Context, r *faultRun) error {
	return errors.Join(kubectlDoes("delete", "validatingwebhookconfiguration", "sandbox")(ctx, r), r.webhook.Close())
}

// otherPlatform is not this machine's platform.
func otherPlatform() string {
	if runtime.GOARCH == "arm64" {
		return "linux/amd64"
	}
	return "linux/arm64"
}

// kill kills the sandbox's processes of that program.
func kill(program string) means {
	return func(_ context.Context, r *faultRun) error {
		pids, err := daemon.Processes(r.dir)
		if err != nil {
			return err
		}
		killed := 0
		for _, pid := range pids {
			if programOf(pid) == program && syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
		if killed == 0 {
			return fmt.Errorf("no process of %s is running", program)
		}
		return nil
	}
}

// programOf returns the name of a process's program, empty for one that has ended.
func programOf(pid int) string {
	argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	name, _, _ := bytes.Cut(argv, []byte{0})
	return filepath.Base(string(name))
}

// killDaemon kills the doubles of Azure and the registries, and the cluster, at once.
func killDaemon(ctx context.Context, r *faultRun) error {
	info, err := r.services.Info(ctx)
	if err != nil {
		return err
	}
	return syscall.Kill(info.PID, syscall.SIGKILL)
}

// smallDiskNeeds returns why the state cannot be on its own file system.
func smallDiskNeeds() string {
	if os.Geteuid() != 0 {
		return "a small file system for the state takes root"
	}
	dir, err := os.MkdirTemp("", "small")
	if err != nil {
		return err.Error()
	}
	defer os.Remove(dir)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		return "a small file system for the state: " + err.Error()
	}
	if err := unix.Unmount(dir, 0); err != nil {
		return err.Error()
	}
	return ""
}

const (
	filler = "filler"
	room   = 8 << 20 // bytes, for an update
)

// sizeOf returns the bytes that the files below dir need on their own file system.
func sizeOf(dir string) (size int64, err error) {
	const page = 4 << 10
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()/page*page + page
		}
		return err
	})
	return size, err
}

// smallDisk moves the state to its own file system.
func smallDisk(_ context.Context, r *faultRun) error {
	state, aside := r.path("pulumi"), r.path("pulumi-aside")
	if err := os.Rename(state, aside); err != nil {
		return err
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		return err
	}
	size, err := sizeOf(aside)
	if err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", state, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size+room)); err != nil {
		return err
	}
	return os.CopyFS(state, os.DirFS(aside))
}

// fillDisk fills the state's file system.
func fillDisk(_ context.Context, r *faultRun) error {
	f, err := os.OpenFile(r.path("pulumi", filler), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(block)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}

// largeDisk frees space, and moves the state back to the disk.
func largeDisk(_ context.Context, r *faultRun) error {
	state, aside := r.path("pulumi"), r.path("pulumi-aside")
	if err := errors.Join(os.RemoveAll(filepath.Join(state, filler)), os.RemoveAll(aside)); err != nil {
		return err
	}
	if err := os.CopyFS(aside, os.DirFS(state)); err != nil {
		return err
	}
	if err := unix.Unmount(state, 0); err != nil {
		return err
	}
	return errors.Join(os.Remove(state), os.Rename(aside, state))
}
