package registrydouble

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseScopes(t *testing.T) {
	repository := func(name string, actions ...string) access { return access{typeRepository, name, actions} }
	tests := map[string]struct {
		parameters []string
		want       []access
	}{
		"none":       {nil, nil},
		"empty":      {[]string{"", "  "}, nil},
		"one":        {[]string{"repository:team/api:pull"}, []access{repository("team/api", "pull")}},
		"actions":    {[]string{"repository:api:push,pull,push"}, []access{repository("api", "pull", "push")}},
		"two in one": {[]string{"repository:a:pull repository:b:push"}, []access{repository("a", "pull"), repository("b", "push")}},
		"repeated":   {[]string{"repository:a:push", "repository:a:pull"}, []access{repository("a", "pull", "push")}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			got, err := parseScopes(test.parameters)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}

	for scope, want := range map[string]string{
		"repository":                 `scope "repository" is not of the form type:name:action[,action]`,
		"repository:a":               `scope "repository:a" is not of the form type:name:action[,action]`,
		"repository:host:5000/a:x":   `scope "repository:host:5000/a:x" is not of the form type:name:action[,action]`,
		"repository:A:pull":          `scope "repository:A:pull": "A" is not the name of a repository`,
		"repository::pull":           `scope "repository::pull": "" is not the name of a repository`,
		"repository:a//b:pull":       `scope "repository:a//b:pull": "a//b" is not the name of a repository`,
		"repository:a:":              `scope "repository:a:": unknown action ""`,
		"repository:a:pull,own":      `scope "repository:a:pull,own": unknown action "own"`,
		"registry:catalog:*":         `scope "registry:catalog:*": unknown resource registry:catalog`,
		"repository(plugin):a:pull":  `scope "repository(plugin):a:pull": unknown resource repository(plugin):a`,
		"artifact-repository:r:pull": `scope "artifact-repository:r:pull": unknown resource artifact-repository:r`,
	} {
		_, err := parseScopes([]string{"repository:good:pull", scope})
		assert.EqualError(t, err, want)
	}
}

func TestGrant(t *testing.T) {
	pullOnly := func(_, permission string) bool { return permission == actionPull }
	wanted, err := parseScopes([]string{"repository:a:pull,push repository:b:push repository:c:*"})
	require.NoError(t, err)

	assert.Equal(t, []access{
		{typeRepository, "a", []string{"pull"}},
		{typeRepository, "c", []string{"metadata_read", "pull"}},
	}, grant(wanted, pullOnly))
	assert.Empty(t, grant(wanted, func(string, string) bool { return false }))
}

// FuzzParseScopes: accepted scopes are well formed, and their text parses to the same scopes.
func FuzzParseScopes(f *testing.F) {
	for _, seed := range []string{
		"repository:team/api:pull,push", "registry:catalog:*", "repository:a:pull repository:a:push", "repository:a:*",
		"repository:a__b/c.d:metadata_read", "::", "repository:a:pull,", "repository:\x00:pull", "repository:host:1/a:pull",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, parameter string) {
		scopes, err := parseScopes([]string{parameter})
		if err != nil {
			return
		}
		var again []string
		for _, scope := range scopes {
			again = append(again, scope.String())
			if scope.Type == typeRepository && !validRepository(scope.Name) {
				t.Errorf("invalid repository %q", scope.Name)
			}
			if len(scope.Actions) == 0 || !slices.IsSorted(scope.Actions) {
				t.Errorf("actions %q", scope.Actions)
			}
		}
		reread, err := parseScopes(again)
		require.NoError(t, err)
		assert.Equal(t, scopes, reread)

		everything := func(string, string) bool { return true }
		for _, scope := range scopes {
			if !slices.Contains(scope.Actions, actionAll) && !covers(grant(scopes, everything), scope) {
				t.Errorf("the granted permissions do not cover %s", scope)
			}
		}
	})
}
