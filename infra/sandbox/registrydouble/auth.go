package registrydouble

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxForm limits the body of a token request, in bytes. Entra's tokens are the largest part, at a few KiB.
const maxForm = 1 << 20

// authorize returns the principal of a request that is allowed the needed access. With its error, the response's header has a
// challenge: where the client gets a token, and for which scope.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, host string, needed access) (principal string, err error) {
	scheme, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	reason := ""
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		token := s.tokens.verify(credential, service(host))
		switch {
		case token == nil:
			reason = "invalid_token"
		case !covers(token.Access, needed):
			reason = "insufficient_scope"
		default:
			return token.Subject, nil
		}
	case strings.EqualFold(scheme, "Basic") && host != DockerHub:
		// Azure Container Registry also accepts a password without a token.
		username, password, _ := r.BasicAuth()
		principal, err := s.authenticate(host, username, password)
		if err != nil {
			return "", err
		}
		if needed.Type == "" || covers(grant([]access{needed}, s.allowed(host, principal)), needed) {
			return principal, nil
		}
	}
	w.Header().Set("Www-Authenticate", challenge(host, needed, reason))
	return "", unauthorized(host, needed)
}

// service is the name of a registry in challenges and tokens.
func service(host string) string {
	if host == DockerHub {
		return dockerHubService
	}
	return host
}

func challenge(host string, needed access, reason string) string {
	realm := "https://" + host + "/oauth2/token"
	if host == DockerHub {
		realm = "https://" + dockerHubAuth + "/token"
	}
	text := fmt.Sprintf("Bearer realm=%q,service=%q", realm, service(host))
	if needed.Type != "" {
		text += fmt.Sprintf(",scope=%q", needed)
	}
	if reason != "" {
		text += fmt.Sprintf(",error=%q", reason)
	}
	return text
}

// unauthorized is the response to a request without the needed access. As in Azure, it is the same for an unknown caller, a missing
// permission and a missing resource.
func unauthorized(host string, needed ...access) apiError {
	type entry struct{ Type, Name, Action string }
	var detail []entry
	for _, a := range needed {
		for _, action := range a.Actions {
			detail = append(detail, entry{a.Type, a.Name, action})
		}
	}
	e := apiError{http.StatusUnauthorized, codeUnauthorized, acrUnauthorized, nil}
	if host == DockerHub {
		e.message = dockerHubUnauthorized
	}
	if detail != nil {
		e.detail = detail
	}
	return e
}

func (s *Server) authenticate(host, username, password string) (principal string, err error) {
	principal, err = s.authority.Authenticate(host, username, password)
	if err != nil {
		return "", apiError{http.StatusUnauthorized, codeUnauthorized, err.Error(), nil}
	}
	return principal, nil
}

func (s *Server) allowed(host, principal string) func(repository, permission string) bool {
	return func(repository, permission string) bool {
		return s.authority.Allowed(host, principal, repository, permission)
	}
}

// acrToken serves GET and POST /oauth2/token: an access token for a password.
func (s *Server) acrToken(w http.ResponseWriter, r *http.Request, host string) error {
	form, err := readForm(w, r, http.MethodGet, http.MethodPost)
	if err != nil {
		return err
	}
	wanted, err := readScopes(form, host)
	if err != nil {
		return err
	}
	principal, err := s.identify(r, form, host)
	if err != nil {
		return err
	}
	granted := grant(wanted, s.allowed(host, principal))
	if len(granted) == 0 && (len(wanted) > 0 || principal == "") {
		// Azure already rejects here, so that a client never gets a token without any permission.
		return unauthorized(host, wanted...)
	}
	token, err := s.tokens.issue(acrIssuer, host, principal, accessLifetime, granted)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"access_token": token})
	return nil
}

// identify returns the principal that requests a token, empty for an anonymous caller.
func (s *Server) identify(r *http.Request, form url.Values, host string) (principal string, err error) {
	if r.Method == http.MethodGet {
		if r.Header.Get("Authorization") == "" {
			return "", nil
		}
		username, password, ok := r.BasicAuth()
		if !ok {
			return "", unauthorized(host)
		}
		return s.authenticate(host, username, password)
	}
	if grantType := form.Get("grant_type"); grantType != "password" {
		return "", badRequest(fmt.Sprintf("grant_type %q is not password", grantType))
	}
	return s.authenticate(host, form.Get("username"), form.Get("password"))
}

// dockerHubToken serves GET https://auth.docker.io/token for anonymous callers: a token with pull access to existing repositories
// and no access to others, so that a private and a missing repository look the same.
func (s *Server) dockerHubToken(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != "/token" {
		return apiError{http.StatusNotFound, codeUnsupported, fmt.Sprintf("no endpoint at %q", r.URL.Path), nil}
	}
	form, err := readForm(w, r, http.MethodGet)
	if err != nil {
		return err
	}
	if r.Header.Get("Authorization") != "" {
		return apiError{http.StatusUnauthorized, codeUnauthorized, "incorrect username or password", nil}
	}
	wanted, err := readScopes(form, dockerHubService)
	if err != nil {
		return err
	}
	content, err := s.store(DockerHub)
	if err != nil {
		return err
	}
	granted := grant(wanted, func(repository, permission string) bool {
		return permission == actionPull && content.hasRepository(repository)
	})
	token, err := s.tokens.issue(dockerHubAuth, dockerHubService, "", dockerHubLifetime, granted)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"token":        token,
		"access_token": token,
		"expires_in":   int(dockerHubLifetime / time.Second),
		"issued_at":    s.tokens.now().UTC().Format(time.RFC3339),
	})
	return nil
}

// readForm returns the parameters of a request: those of the URL for GET, those of the body for POST.
func readForm(w http.ResponseWriter, r *http.Request, methods ...string) (url.Values, error) {
	for _, method := range methods {
		if r.Method != method {
			continue
		}
		if method == http.MethodGet {
			form, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil {
				return nil, badRequest(err.Error())
			}
			return form, nil
		}
		if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
			return nil, apiError{http.StatusUnsupportedMediaType, codeUnsupported, "the body is not application/x-www-form-urlencoded", nil}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				return nil, apiError{http.StatusRequestEntityTooLarge, codeUnsupported, "the body is too large", nil}
			}
			return nil, badRequest("the body is not a form")
		}
		return r.PostForm, nil
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	return nil, apiError{http.StatusMethodNotAllowed, codeUnsupported, fmt.Sprintf("method %s is not supported here", r.Method), nil}
}

// readScopes returns the requested scopes of a token, after a check that the token is for this registry.
func readScopes(form url.Values, wantService string) ([]access, error) {
	if got := form.Get("service"); got != "" && got != wantService {
		return nil, badRequest(fmt.Sprintf("service %q is not %s", got, wantService))
	}
	scopes, err := parseScopes(form["scope"])
	if err != nil {
		return nil, badRequest(err.Error())
	}
	return scopes, nil
}

func badRequest(why string) apiError {
	return apiError{http.StatusBadRequest, codeUnsupported, why, nil}
}
