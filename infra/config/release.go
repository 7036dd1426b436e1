package config

// Release holds the Helm settings of a release. A nil field takes the next outer setting.
type Release struct {
	// TimeoutSeconds is how many seconds Helm waits for a release to become ready. Azure can take 10 minutes until a new service
	// principal can pull, and kubelet waits up to 5 minutes between retries.
	TimeoutSeconds *int `json:"timeoutSeconds" min:"1" max:"3600" default:"900"`
	// Wait waits until all resources of the release are ready (`true`), like `helm --wait`. With `false`, a release is done when the
	// cluster has accepted it; a chart whose pods wait for a post-install hook needs that.
	Wait *bool `json:"wait" default:"true"`
	// WaitForJobs also waits until the release's jobs are complete, like `helm --wait-for-jobs`. It needs `wait`.
	WaitForJobs *bool `json:"waitForJobs" default:"false"`
	// Hooks runs the chart's hooks (`true`), or skips them (`false`), like `helm --no-hooks`. The provider runs those of an uninstallation
	// in any case.
	Hooks *bool `json:"hooks" default:"true"`
	// SkipCRDs skips the custom resource definitions in the chart's folder `crds` (`true`), like `helm --skip-crds`.
	SkipCRDs *bool `json:"skipCrds" default:"false"`
	// Atomic rolls back a failed upgrade and removes a failed first installation. It needs `wait`. Default: the value of `wait`.
	Atomic *bool `json:"atomic"`
	// CleanupOnFail deletes the resources that a failed upgrade created.
	CleanupOnFail *bool `json:"cleanupOnFail" default:"true"`
	// MaxHistory is how many revisions Helm keeps. Each is a secret in the namespace.
	MaxHistory *int `json:"maxHistory" min:"1" max:"100" default:"10"`
}

// Defaults of a release. The fields' tags repeat them.
const (
	// A new role assignment can take 10 minutes to take effect in Azure, and kubelet then waits up to 5 minutes before it retries.
	// With a shorter timeout, a release can fail although nothing is wrong.
	defaultTimeoutSeconds = 900
	defaultMaxHistory     = 10
)

// ReleaseOf returns the Helm settings of a service, its own before the stack's.
func (c *Config) ReleaseOf(service string) Release {
	return c.Services[service].Release.or(c.Release).WithDefaults()
}

// WithDefaults returns r with every field set.
func (r Release) WithDefaults() Release {
	r = r.or(Release{
		TimeoutSeconds: ptr(defaultTimeoutSeconds),
		Wait:           ptr(true),
		WaitForJobs:    ptr(false),
		Hooks:          ptr(true),
		SkipCRDs:       ptr(false),
		CleanupOnFail:  ptr(true),
		MaxHistory:     ptr(defaultMaxHistory),
	})
	setDefault(&r.Atomic, r.Wait)
	return r
}

// or returns r with its nil fields taken from outer.
func (r Release) or(outer Release) Release {
	setDefault(&r.TimeoutSeconds, outer.TimeoutSeconds)
	setDefault(&r.Wait, outer.Wait)
	setDefault(&r.WaitForJobs, outer.WaitForJobs)
	setDefault(&r.Hooks, outer.Hooks)
	setDefault(&r.SkipCRDs, outer.SkipCRDs)
	setDefault(&r.Atomic, outer.Atomic)
	setDefault(&r.CleanupOnFail, outer.CleanupOnFail)
	setDefault(&r.MaxHistory, outer.MaxHistory)
	return r
}

func validateRelease(found *problems, key string, release Release) {
	if ValueOr(release.Wait, true) {
		return
	}
	// Helm does not refuse these combinations, but waits.
	found.addUnless(!ValueOr(release.Atomic, false), key+".atomic", true, "excludes wait false; Helm waits for an atomic release")
	found.addUnless(!ValueOr(release.WaitForJobs, false), key+".waitForJobs", true, "excludes wait false")
}
