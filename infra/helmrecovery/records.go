package helmrecovery

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"example.com/acr-microservices/infra/internal/kubeapi"
)

// The states of a revision that matter here. https://helm.sh/docs/helm/helm_status/
const (
	pendingInstall  = "pending-install"
	pendingUpgrade  = "pending-upgrade"
	pendingRollback = "pending-rollback"
	uninstalling    = "uninstalling"
	failed          = "failed"
)

// phases are the unfinished states, and how the events of Helm's hooks in them end. https://helm.sh/docs/topics/charts_hooks/
var phases = map[string]string{pendingInstall: "-install", pendingUpgrade: "-upgrade", pendingRollback: "-rollback", uninstalling: "-delete"}

// storedRecord is Helm's record of one revision of a release, in a secret of the release's namespace.
type storedRecord struct {
	Version int `json:"version"`
	Info    struct {
		Status       string `json:"status"`
		LastDeployed string `json:"last_deployed"`
		Deleted      string `json:"deleted"`
	} `json:"info"`
	Hooks []struct {
		Events []string `json:"events"`
	} `json:"hooks"`

	secret  storedSecret
	content []byte // all of it, as JSON
}

// storedSecret is the secret that holds a record.
type storedSecret struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Type       string            `json:"type"`
	Data       map[string][]byte `json:"data"`
}

type metadata struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace"`
	ResourceVersion string            `json:"resourceVersion"`
	Labels          map[string]string `json:"labels"`
	Annotations     map[string]string `json:"annotations,omitempty"`
}

// path returns the address of the secret, or, without a name, of all secrets in the namespace.
func (m metadata) path() string {
	return path.Join("/api/v1/namespaces", m.Namespace, "secrets", m.Name)
}

// readRecord decodes a secret: https://github.com/helm/helm/blob/v3.18.6/pkg/storage/driver/util.go
func readRecord(from storedSecret) (*storedRecord, error) {
	record := &storedRecord{secret: from}
	packed, err := base64.StdEncoding.AppendDecode(nil, from.Data["release"])
	if err != nil {
		return nil, err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	if record.content, err = io.ReadAll(unzipped); err != nil {
		return nil, err
	}
	return record, json.Unmarshal(record.content, record)
}

// latest returns the last revision, or nil if there is none.
func latest(history []*storedRecord) *storedRecord {
	if len(history) == 0 {
		return nil
	}
	return slices.MaxFunc(history, func(a, b *storedRecord) int { return cmp.Compare(a.Version, b.Version) })
}

// unfinished reports whether, by its record, Helm is still working on the revision.
func (r *storedRecord) unfinished() bool {
	return r != nil && phases[r.Info.Status] != ""
}

// began returns when Helm began.
func (r *storedRecord) began() (time.Time, error) {
	text := r.Info.LastDeployed
	if r.Info.Status == uninstalling {
		text = r.Info.Deleted
	}
	began, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return began, fmt.Errorf("revision %d: %w", r.Version, err)
	}
	return began, nil
}

// waits counts how often Helm waits before it is done: once for each hook of its phase, and for the release's objects.
// https://github.com/helm/helm/blob/v3.18.6/pkg/action/hooks.go
func (r *storedRecord) waits() int {
	count := 1
	for _, hook := range r.Hooks {
		for _, event := range hook.Events {
			if strings.HasSuffix(event, phases[r.Info.Status]) {
				count++
			}
		}
	}
	return count
}

// withStatus returns the record's data with another status and the reason for it, and everything else unchanged.
func (r *storedRecord) withStatus(status, description string) (map[string][]byte, error) {
	var content, info map[string]json.RawMessage
	if err := json.Unmarshal(r.content, &content); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content["info"], &info); err != nil {
		return nil, err
	}
	var err error
	for key, value := range map[string]string{"status": status, "description": description} {
		if info[key], err = json.Marshal(value); err != nil {
			return nil, err
		}
	}
	if content["info"], err = json.Marshal(info); err != nil {
		return nil, err
	}
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	if _, err := zipped.Write(text); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return map[string][]byte{"release": base64.StdEncoding.AppendEncode(nil, packed.Bytes())}, nil
}

// historyOf returns the records of a release.
func historyOf(ctx context.Context, server *kubeapi.Client, namespace, release string) ([]*storedRecord, error) {
	var list struct {
		Items []storedSecret `json:"items"`
	}
	query := "?labelSelector=" + url.QueryEscape("owner=helm,name="+release)
	if err := server.Call(ctx, http.MethodGet, metadata{Namespace: namespace}.path()+query, nil, &list); err != nil {
		return nil, err
	}
	var records []*storedRecord
	for _, secret := range list.Items {
		record, err := readRecord(secret)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", secret.Metadata.Name, err)
		}
		records = append(records, record)
	}
	return records, nil
}

// fail marks the revision as failed. Like Helm, it replaces the secret, so it needs no permission that Helm does not need.
func (r *storedRecord) fail(ctx context.Context, server *kubeapi.Client) error {
	secret := r.secret
	secret.APIVersion, secret.Kind = "v1", "Secret" // the items of a list leave these out
	secret.Metadata.Labels = maps.Clone(secret.Metadata.Labels)
	secret.Metadata.Labels["status"] = failed
	var err error
	if secret.Data, err = r.withStatus(failed, "Helm was killed while the release was "+r.Info.Status); err != nil {
		return err
	}
	return server.Call(ctx, http.MethodPut, secret.Metadata.path(), secret, nil)
}

// forget removes the record of the revision.
func (r *storedRecord) forget(ctx context.Context, server *kubeapi.Client) error {
	return server.Call(ctx, http.MethodDelete, r.secret.Metadata.path(), map[string]any{
		"preconditions": map[string]string{"resourceVersion": r.secret.Metadata.ResourceVersion},
	}, nil)
}
