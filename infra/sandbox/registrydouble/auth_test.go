package registrydouble_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tokenURL = "https://" + contoso + "/oauth2/token"

func TestChallenges(t *testing.T) {
	f := newFixture(t)
	const (
		azure = `Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io"`
		hub   = `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`
	)
	tests := map[string]struct{ method, url, challenge, detail string }{
		"root":     {"GET", contoso + "/v2/", azure, ""},
		"manifest": {"GET", contoso + "/v2/a/b/manifests/1", azure + `,scope="repository:a/b:pull"`, `[{"Type":"repository","Name":"a/b","Action":"pull"}]`},
		"push": {
			"POST", contoso + "/v2/a/blobs/uploads/", azure + `,scope="repository:a:pull,push"`,
			`[{"Type":"repository","Name":"a","Action":"pull"},{"Type":"repository","Name":"a","Action":"push"}]`,
		},
		"Docker Hub root": {"GET", "registry-1.docker.io/v2/", hub, ""},
		"Docker Hub":      {"GET", "index.docker.io/v2/a/b/manifests/1", hub + `,scope="repository:a/b:pull"`, `[{"Type":"repository","Name":"a/b","Action":"pull"}]`},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), test.method, "https://"+test.url, nil)
			require.NoError(t, err)
			resp := f.do(req, "")
			assert.Equal(t, 401, resp.status)
			assert.Equal(t, test.challenge, resp.header.Get("Www-Authenticate"))
			assert.Equal(t, "registry/2.0", resp.header.Get("Docker-Distribution-Api-Version"))
			message, detail := authenticationRequired, ""
			if strings.Contains(test.url, "docker.io") {
				message = "authentication required"
			}
			if test.detail != "" {
				detail = `,"detail":` + test.detail
			}
			assert.JSONEq(t, `{"errors":[{"code":"UNAUTHORIZED","message":"`+message+`"`+detail+`}]}`, resp.body)
		})
	}
}

func TestTokenClaims(t *testing.T) {
	f := newFixture(t)
	token := f.token(contoso, "puller", "repository:api:pull,push")

	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	assert.NotEmpty(t, claims["jti"])
	delete(claims, "jti")
	issued := float64(f.clock.Unix())
	assert.Equal(t, map[string]any{
		"sub": "puller", "iss": "Azure Container Registry", "aud": contoso, "version": "1.0", "grant_type": "access_token",
		"iat": issued, "nbf": issued, "exp": issued + 75*60,
		"access": []any{map[string]any{"type": "repository", "name": "api", "actions": []any{"pull"}}},
	}, claims)
}

func TestTokenScopes(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	f.push(contoso + "/other:1.0.0")
	manifest := func(repository string) string { return "https://" + contoso + "/v2/" + repository + "/manifests/1.0.0" }

	t.Run("a token is valid only for its repository", func(t *testing.T) {
		token := "Bearer " + f.token(contoso, "puller", "repository:api:pull")
		assert.Equal(t, 200, f.get(manifest("api"), token).status)
		resp := f.get(manifest("other"), token)
		assert.Equal(t, 401, resp.status)
		assert.Contains(t, resp.header.Get("Www-Authenticate"), `scope="repository:other:pull",error="insufficient_scope"`)
		assert.Equal(t, 200, f.get("https://"+contoso+"/v2/", token).status)
		token = "Bearer " + f.token(contoso, "puller", "repository:api:metadata_read")
		assert.Equal(t, 401, f.get(manifest("api"), token).status, "metadata_read does not include pull")
	})
	t.Run("several scopes", func(t *testing.T) {
		for _, query := range []string{
			"scope=repository:api:pull&scope=repository:other:pull",
			"scope=repository:api:pull%20repository:other:pull",
		} {
			resp := f.get(tokenURL+"?"+query, basic("puller"))
			require.Equal(t, 200, resp.status)
			token := "Bearer " + field(t, resp.body, "access_token")
			assert.Equal(t, 200, f.get(manifest("api"), token).status)
			assert.Equal(t, 200, f.get(manifest("other"), token).status)
		}
	})
	t.Run("a wider scope grants no more permissions", func(t *testing.T) {
		token := "Bearer " + f.token(contoso, "puller", "repository:api:*")
		assert.Equal(t, 200, f.get(manifest("api"), token).status)
		for method, path := range map[string]string{"PUT": "manifests/2", "POST": "blobs/uploads/", "PATCH": "blobs/uploads/1"} {
			req, err := http.NewRequestWithContext(t.Context(), method, "https://"+contoso+"/v2/api/"+path, nil)
			require.NoError(t, err)
			resp := f.do(req, token)
			assert.Equal(t, 401, resp.status, method)
			assert.Contains(t, resp.header.Get("Www-Authenticate"), `error="insufficient_scope"`, method)
		}
	})
	t.Run("a token of another registry is rejected", func(t *testing.T) {
		token := "Bearer " + f.token(fabrikam, "owner", "repository:api:pull")
		resp := f.get(manifest("api"), token)
		assert.Equal(t, 401, resp.status)
		assert.Contains(t, resp.header.Get("Www-Authenticate"), `error="invalid_token"`)
	})
	t.Run("login without a scope", func(t *testing.T) {
		resp := f.get(tokenURL+"?service="+contoso+"&account=nobody", basic("nobody"))
		require.Equal(t, 200, resp.status)
		token := "Bearer " + field(t, resp.body, "access_token")
		assert.Equal(t, 200, f.get("https://"+contoso+"/v2/", token).status)
		assert.Equal(t, 401, f.get(manifest("api"), token).status)
	})
}

func TestTokensAreValidUntilTheyExpire(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	manifest := "https://" + contoso + "/v2/api/manifests/1.0.0"
	token := "Bearer " + f.token(contoso, "puller", "repository:api:pull")

	f.change(func() {
		f.permission[contoso+" puller"] = nil
		f.passwords["puller"] = "rotated"
	})
	f.advance(75*time.Minute - time.Second)
	assert.Equal(t, 200, f.get(manifest, token).status, "as in Azure, a token stays valid after a change of the permission and the password")

	f.advance(time.Second)
	resp := f.get(manifest, token)
	assert.Equal(t, 401, resp.status)
	assert.Contains(t, resp.header.Get("Www-Authenticate"), `scope="repository:api:pull",error="invalid_token"`)
	assert.Contains(t, resp.body, authenticationRequired)
}

func TestForgedTokens(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	good := f.token(contoso, "puller", "repository:api:pull")
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	more := encode([]byte(strings.Replace(string(payload), `"pull"`, `"pull","push"`, 1)))

	for title, token := range map[string]string{
		"empty":          "",
		"invalid token":  "x",
		"only dots":      "..",
		"altered claims": parts[0] + "." + more + "." + parts[2],
		"no signature":   parts[0] + "." + parts[1] + ".",
		"algorithm none": encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + more + ".",
		"truncated":      good[:len(good)-4],
	} {
		resp := f.get("https://"+contoso+"/v2/api/manifests/1.0.0", "Bearer "+token)
		assert.Equal(t, 401, resp.status, title)
		assert.Contains(t, resp.header.Get("Www-Authenticate"), `error="invalid_token"`, title)
	}
	assert.Equal(t, 200, f.get("https://"+contoso+"/v2/api/manifests/1.0.0", "Bearer "+good).status)
}

func TestPostedToken(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	manifest := "https://" + contoso + "/v2/api/manifests/1.0.0"

	resp := f.post(tokenURL, url.Values{
		"grant_type": {"password"}, "service": {contoso}, "scope": {"repository:api:pull"},
		"username": {"puller"}, "password": {"puller-password"},
	})
	require.Equal(t, 200, resp.status, resp.body)
	assert.Equal(t, 200, f.get(manifest, "Bearer "+field(t, resp.body, "access_token")).status)
}

func TestAnonymousPull(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	ref := reference(t, contoso+"/api:1.0.0")
	f.change(func() { f.permission[contoso+" "] = []string{"pull"} })

	_, err := pull(ref, f.as(""))
	require.NoError(t, err)
	assert.Equal(t, []string{contoso + " api 1.0.0 "}, f.pulls)
	err = remote.Write(ref, newImage(t), f.as("")...)
	refused(t, err, 401, "UNAUTHORIZED", authenticationRequired)
	assert.Equal(t, 401, f.get(tokenURL, "").status, "a login without credentials is rejected")
	assert.Equal(t, 401, f.get(tokenURL+"?scope=repository:api:pull", "Bearer x").status, "an access token does not authenticate a token request")
}

func TestBasicWithoutToken(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	manifest := "https://" + contoso + "/v2/api/manifests/1.0.0"

	assert.Equal(t, 200, f.get(manifest, basic("puller")).status)
	assert.Equal(t, 200, f.get("https://"+contoso+"/v2/", basic("nobody")).status)
	resp := f.get(manifest, basic("nobody"))
	assert.Equal(t, 401, resp.status)
	assert.Contains(t, resp.body, authenticationRequired)
	resp = f.get(manifest, "Basic "+base64.StdEncoding.EncodeToString([]byte("puller:guessed")))
	assert.Equal(t, 401, resp.status)
	assert.Contains(t, resp.body, "Invalid clientid or client secret.")
}

// TestMalformedRequests: an invalid request gets a structured error below 500.
func TestMalformedRequests(t *testing.T) {
	f := newFixture(t)
	f.push(contoso + "/api:1.0.0")
	image := func(layer string) string {
		return `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","size":1},"layers":[` + layer + `]}`
	}
	const (
		ociImage = "application/vnd.oci.image.manifest.v1+json"
		ociIndex = "application/vnd.oci.image.index.v1+json"
		form     = "application/x-www-form-urlencoded"
	)
	zeros := "sha256:" + strings.Repeat("0", 64)
	tests := map[string]struct {
		method, url, contentType, body string
		status                         int
		code                           string
	}{
		"scope without name":                  {"GET", tokenURL + "?scope=repository", "", "", 400, "UNSUPPORTED"},
		"scope with bad name":                 {"GET", tokenURL + "?scope=repository:../x:pull", "", "", 400, "UNSUPPORTED"},
		"scope with bad action":               {"GET", tokenURL + "?scope=repository:api:own", "", "", 400, "UNSUPPORTED"},
		"scope of another type":               {"GET", tokenURL + "?scope=planet:earth:pull", "", "", 400, "UNSUPPORTED"},
		"service of another registry":         {"GET", tokenURL + "?service=" + fabrikam, "", "", 400, "UNSUPPORTED"},
		"bad query":                           {"GET", tokenURL + "?scope=%zz", "", "", 400, "UNSUPPORTED"},
		"PUT to the token endpoint":           {"PUT", tokenURL, "", "", 405, "UNSUPPORTED"},
		"unknown grant type":                  {"POST", tokenURL, form, "grant_type=wish", 400, "UNSUPPORTED"},
		"body that is not a form":             {"POST", tokenURL, "application/json", "{}", 415, "UNSUPPORTED"},
		"bad form":                            {"POST", tokenURL, form, "grant_type=%zz", 400, "UNSUPPORTED"},
		"huge form":                           {"POST", tokenURL, form, "password=" + strings.Repeat("x", 2<<20), 413, "UNSUPPORTED"},
		"POST to Docker Hub's token endpoint": {"POST", "https://auth.docker.io/token", form, "", 405, "UNSUPPORTED"},
		"unknown path of Docker Hub":          {"GET", "https://auth.docker.io/v2/", "", "", 404, "UNSUPPORTED"},
		"unknown path":                        {"GET", "https://" + contoso + "/v1/search", "", "", 404, "UNSUPPORTED"},
		"bad repository":                      {"GET", "https://" + contoso + "/v2/Api/manifests/1", "", "", 400, "NAME_INVALID"},
		"path traversal":                      {"GET", "https://" + contoso + "/v2/..%2f..%2fx/manifests/1", "", "", 400, "NAME_INVALID"},
		"bad digest":                          {"GET", "https://" + contoso + "/v2/api/blobs/sha256:12", "", "", 400, "NAME_INVALID"},
		"unknown blob":                        {"GET", "https://" + contoso + "/v2/api/blobs/" + zeros, "", "", 404, "BLOB_UNKNOWN"},
		"unknown digest":                      {"GET", "https://" + contoso + "/v2/api/manifests/" + zeros, "", "", 404, "MANIFEST_UNKNOWN"},
		"POST to the root":                    {"POST", "https://" + contoso + "/v2/", "", "", 405, "UNSUPPORTED"},
		"DELETE of a manifest":                {"DELETE", "https://" + contoso + "/v2/api/manifests/1.0.0", "", "", 405, "UNSUPPORTED"},
		"DELETE of a blob":                    {"DELETE", "https://" + contoso + "/v2/api/blobs/" + zeros, "", "", 405, "UNSUPPORTED"},
		"catalog":                             {"GET", "https://" + contoso + "/v2/_catalog", "", "", 404, "UNSUPPORTED"},
		"list of tags":                        {"GET", "https://" + contoso + "/v2/api/tags/list", "", "", 404, "UNSUPPORTED"},
		"POST of a manifest":                  {"POST", "https://" + contoso + "/v2/api/manifests/1", "", "", 405, "UNSUPPORTED"},
		"blob with another digest":            {"POST", "https://" + contoso + "/v2/api/blobs/uploads/?digest=" + zeros, "", "x", 400, "DIGEST_INVALID"},
		"invalid JSON":                        {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, "{", 400, "MANIFEST_INVALID"},
		"JSON of another type":                {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, "[]", 400, "MANIFEST_INVALID"},
		"schema 1":                            {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, `{"schemaVersion":1}`, 400, "MANIFEST_INVALID"},
		"no config":                           {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, `{"schemaVersion":2}`, 400, "MANIFEST_INVALID"},
		"bad digest in a manifest":            {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, image(`{"digest":"x"}`), 400, "MANIFEST_INVALID"},
		"manifest with another media type":    {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, `{"schemaVersion":2,"mediaType":"` + ociIndex + `"}`, 400, "MANIFEST_INVALID"},
		"no media type":                       {"PUT", "https://" + contoso + "/v2/api/manifests/1", "", image(""), 400, "MANIFEST_INVALID"},
		"missing config blob":                 {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociImage, image(""), 404, "MANIFEST_BLOB_UNKNOWN"},
		"missing child manifest":              {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociIndex, `{"schemaVersion":2,"manifests":[{"digest":"` + zeros + `"}]}`, 404, "MANIFEST_BLOB_UNKNOWN"},
		"digest of another manifest":          {"PUT", "https://" + contoso + "/v2/api/manifests/" + zeros, ociIndex, `{"schemaVersion":2}`, 400, "DIGEST_INVALID"},
		"bad tag":                             {"PUT", "https://" + contoso + "/v2/api/manifests/-1", ociIndex, `{"schemaVersion":2}`, 400, "TAG_INVALID"},
		"huge manifest":                       {"PUT", "https://" + contoso + "/v2/api/manifests/1", ociIndex, strings.Repeat(" ", 5<<20), 400, "MANIFEST_INVALID"},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), test.method, test.url, strings.NewReader(test.body))
			require.NoError(t, err)
			if test.contentType != "" {
				req.Header.Set("Content-Type", test.contentType)
			}
			credential := basic("owner")
			if strings.Contains(test.url, "docker.io") {
				credential = ""
			}
			resp := f.do(req, credential)
			assert.Equal(t, test.status, resp.status, resp.body)
			assert.Equal(t, "application/json; charset=utf-8", resp.header.Get("Content-Type"))
			var body struct {
				Errors []struct{ Code, Message string }
			}
			require.NoError(t, json.Unmarshal([]byte(resp.body), &body), resp.body)
			require.Len(t, body.Errors, 1)
			assert.Equal(t, test.code, body.Errors[0].Code, resp.body)
			assert.NotEmpty(t, body.Errors[0].Message)
		})
	}
	_, err := pull(reference(t, contoso+"/api:1.0.0"), f.as("puller"))
	assert.NoError(t, err, "the existing image is unchanged")
}

// TestHostHeader sends requests that no correct client sends: the Host header differs from the name in TLS.
func TestHostHeader(t *testing.T) {
	f := newFixture(t)
	for host, status := range map[string]int{
		contoso: 401, "CONTOSO.azurecr.io:443": 401, "127.0.0.1:1": 421, "..azurecr.io": 421, "a/b.azurecr.io": 421, "quay.io": 421, "x.azurecr.io": 404,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+contoso+"/v2/", nil)
		require.NoError(t, err)
		req.Host = host
		resp := f.do(req, "")
		assert.Equal(t, status, resp.status, host)
		assert.Contains(t, resp.body, `"errors":[{`, host)
	}
}
