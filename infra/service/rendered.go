package service

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"google.golang.org/grpc/status"

	"example.com/acr-microservices/infra/config"
	"example.com/acr-microservices/infra/manifest"
)

// renderToken is the function of the Kubernetes provider that renders a chart from any source without installing it. Helm's engine
// in this program would take three times as long to compile as the rest of it.
const renderToken = "kubernetes:helm:template" //nolint:gosec // G101: the name of a function

// renderOptions are the function's options, as JSON. They leave out the namespace: with one, the provider asks the cluster for
// every kind of object whether it is namespaced, and fails if it cannot reach the cluster (decodeYaml in its
// invoke_decode_yaml.go).
type renderOptions struct {
	Chart       string         `json:"chart"`
	Path        string         `json:"path,omitempty"` // the folder in which Chart is
	Version     string         `json:"version,omitempty"`
	ReleaseName string         `json:"release_name"`
	Values      map[string]any `json:"values"`
	SkipCRDs    bool           `json:"skip_crd_rendering"`
	Fetch       struct {
		Repo     string `json:"repo,omitempty"`
		Username string `json:"username,omitempty"`
		Password string `json:"password,omitempty"`
	} `json:"fetch_opts"`
}

// checkRendered renders the chart with the stack file's settings, and fails unless its pods run the stack's image and can pull it.
// Everything that it needs is known before any resource exists, so that the first preview reports all faults.
func (s *site) checkRendered() pulumi.Output {
	if !s.args.Release.Chart.Check {
		return pulumi.Bool(true).ToBoolOutput()
	}
	return pulumi.String(s.renderJSON(s.args.Release.Chart.Keys)).ToStringOutput().ApplyT(func(options string) (bool, error) {
		objects, err := s.render(options)
		if err != nil {
			return false, s.renderFault(err)
		}
		if objects == nil {
			return true, nil // The provider does not know its cluster yet, and so returns nothing.
		}
		faults := manifest.Check(objects, s.wanted())
		for i, fault := range faults {
			key, text, _ := strings.Cut(fault, ": ")
			faults[i] = key + ": " + hide(text, s.args.Release)
		}
		return true, config.ChartFaults(s.name, faults)
	})
}

// render returns the objects that the chart renders with the options.
func (s *site) render(options string) ([]map[string]any, error) {
	var rendered struct {
		Objects []map[string]any `pulumi:"result"`
	}
	given := struct {
		Options string `pulumi:"jsonOpts"`
	}{options}
	invoke := []pulumi.InvokeOption{s.parent}
	err := s.ctx.Invoke(renderToken, given, &rendered, utilities.PkgInvokeDefaultOpts(invoke)...)
	return rendered.Objects, err
}

// rendersWithoutDigest reports whether the chart renders if the digest is not at the end of the tag.
func (s *site) rendersWithoutDigest() bool {
	keys := s.args.Release.Chart.Keys
	if keys.Digest != config.DigestInTag || s.args.Image.Digest == "" || s.args.Image.Tag == "" {
		return false
	}
	keys.Digest = config.NoDigest
	_, err := s.render(s.renderJSON(keys))
	return err == nil
}

// wanted returns what the chart's pods must run.
func (s *site) wanted() manifest.Wanted {
	keys := s.args.Release.Chart.Keys
	image := keys.Runs(s.args.Image)
	want := manifest.Wanted{
		Image:     image.Reference(s.args.Release.PlannedRegistry),
		Tagged:    image.Digest != "" && (keys.Digest == config.DigestInTag || keys.Digest == config.NoDigest),
		NoHooks:   !*s.args.Release.Settings.WithDefaults().Hooks,
		Namespace: s.args.NamespaceName, Rules: s.args.Namespace,
	}
	if secret := s.args.PullSecret; secret != nil && !secret.Unused {
		want.PullSecret = secret.Name
	}
	return want
}

// renderJSON returns the options for rendering the chart with its image at the keys.
func (s *site) renderJSON(keys config.ChartKeys) string {
	release, chart := s.args.Release, s.args.Release.Chart
	options := renderOptions{
		Chart: chart.Name, Version: chart.Version, ReleaseName: release.Name, SkipCRDs: true,
		Values: keys.WithImage(release.Values, release.PlannedRegistry, s.args.Image, s.wanted().PullSecret),
	}
	if chart.Digest != "" {
		options.Path, options.Chart = path.Split(chart.Name)
	}
	options.Fetch.Repo, options.Fetch.Username, options.Fetch.Password = chart.Repository, chart.Username, chart.Password
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // The values come from JSON.
	}
	return string(text)
}

// renderFault returns the error about a chart that could not be rendered. It only warns if the release can still succeed: the
// provider has other ways to fetch the chart of a release, and assumes an old version of Kubernetes if it cannot reach the cluster.
func (s *site) renderFault(err error) error {
	text := hide(status.Convert(err).Message(), s.args.Release)
	if _, reason, ok := strings.Cut(text, "failed to create chart from template: "); ok {
		text = reason // Helm's own words
	}
	if chart := s.args.Release.Chart; chart.Username != "" && strings.HasPrefix(chart.Name, "oci://") {
		text += "; the provider renders an OCI chart with the login of `helm registry login`, not with chart.username"
	}
	if strings.Contains(text, "failed to pull chart") || strings.Contains(text, "chart requires kubeVersion") {
		return s.ctx.Log.Warn(fmt.Sprintf("services.%s.chart: the chart could not be checked: %s", s.name, text), nil)
	}
	fault := "check: the chart does not render: " + text
	if strings.Contains(text, "execution error at") {
		fault += "; the check renders it without a look at the cluster, so that lookup finds nothing, and for the namespace default: " +
			"if the chart depends on these, set check to false"
	}
	if key := s.args.Release.Chart.Keys.RefusedBy(text, s.wanted().PullSecret); key != "" {
		fault = "keys." + key + ": the chart's schema does not allow what the stack sets here; name the value from which this chart takes it: " + text
	}
	// semverCompare, for example, fails without a word about the tag that it was given.
	if s.rendersWithoutDigest() {
		fault = "keys.digest: the chart does not render with the digest at the end of the tag; name the value that takes the digest, " +
			"or none to run the tag without it: " + text
	}
	return config.ChartFaults(s.name, []string{fault})
}

// hide masks everything in a text that can be secret: the chart's password, and each text of the user's values if one of them is
// encrypted.
func hide(text string, release *Release) string {
	secrets := []string{release.Chart.Password}
	if release.PrivateValues {
		secrets = append(secrets, texts(release.Values)...)
	}
	for _, secret := range secrets {
		secrets = append(secrets, quoted(secret)...)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // A longer one can contain a shorter one.
	for _, secret := range secrets {
		if len(secret) > 2 {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	return text
}

// quoted returns a text as errors quote it: Helm by Go's %q, and the library with which it checks a chart's schema in its own way.
// Source: quote in kind/kind.go of github.com/santhosh-tekuri/jsonschema/v6 v6.0.2.
func quoted(text string) []string {
	quoted := strconv.Quote(text)
	quoted = quoted[1 : len(quoted)-1]
	return []string{quoted, strings.NewReplacer(`\"`, `"`, `'`, `\'`).Replace(quoted)}
}

// texts returns all texts in a value.
func texts(value any) []string {
	var all []string
	switch value := value.(type) {
	case string:
		all = append(all, value)
	case map[string]any:
		for _, item := range value {
			all = append(all, texts(item)...)
		}
	case []any:
		for _, item := range value {
			all = append(all, texts(item)...)
		}
	}
	return all
}
