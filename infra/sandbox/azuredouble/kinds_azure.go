package azuredouble

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// classicAzureVersion is the provider version that the program requires.
const classicAzureVersion = "6.32.0"

// tokenPasswordArgs are the provider's inputs that the double supports; a second password is not among them.
type tokenPasswordArgs struct {
	ContainerRegistryTokenID string `pulumi:"containerRegistryTokenId"`
	Password1                struct {
		Expiry *string `pulumi:"expiry"`
	} `pulumi:"password1"`
}

// newAzure is the provider azure with the two resources that azure-native lacks.
func newAzure(d *Double) *provider {
	return newProvider(d, "azure", classicAzureVersion, []*kind{tokenPasswordKind(), taskRunKind()}, nil)
}

func tokenPasswordKind() *kind {
	return &kind{
		token:     "azure:containerservice/tokenPassword:TokenPassword",
		owns:      func(id string) bool { return strings.HasSuffix(id, "/passwords/password") },
		inputs:    schemaOf(reflect.TypeFor[tokenPasswordArgs]()),
		outputs:   []string{"containerRegistryTokenId", "password1"},
		immutable: []string{"containerRegistryTokenId", "password1"},
		once:      []string{"password1"},
		check: func(in props) []plugin.CheckFailure {
			expiry := text(in, "password1", "expiry")
			if _, err := time.Parse(time.RFC3339, expiry); expiry != "" && err != nil {
				return []plugin.CheckFailure{failure("password1", "expected \"password1.0.expiry\" to be a valid RFC3339 date, got %q", expiry)}
			}
			return nil
		},
		create: func(_ context.Context, d *Double, in props) (string, props, error) {
			id, value, err := d.createTokenPassword(in)
			return id, props{"password1": props{"expiry": text(in, "password1", "expiry"), "value": value}}, err
		},
		read: func(d *Double, id string) (props, props, error) {
			s := d.current()
			token, one, err := s.tokenPassword(id)
			if err != nil {
				return nil, nil, err
			}
			settings := props{
				"containerRegistryTokenId": token.ID, "password1": props{"expiry": one.End.UTC().Format(time.RFC3339)},
			}
			return settings, settings, nil
		},
		remove: func(d *Double, id string) error {
			return d.change(func(s *state) error {
				token, one, err := s.tokenPassword(id)
				if err != nil {
					return nil //nolint:nilerr // already gone
				}
				// The provider deletes the password by a PATCH of the token without it: a lock against deletion allows that.
				// Source: internal/services/containers/container_registry_token_password_resource.go of
				// hashicorp/terraform-provider-azurerm
				if err := s.checkUnlocked(token.ID, opWrite); err != nil {
					return err
				}
				token.Credentials.drop(one.KeyID)
				return nil
			})
		},
	}
}

func tokenPasswordID(token string) string { return token + "/passwords/password" }

func (s *state) tokenPassword(id string) (*armResource, *password, error) {
	token, err := s.find(strings.TrimSuffix(id, "/passwords/password"))
	if err != nil {
		return nil, nil, err
	}
	if token.Credentials == nil || len(token.Credentials.Passwords) == 0 {
		return nil, nil, objectNotFound(id)
	}
	return token, token.Credentials.Passwords[0], nil
}

// createTokenPassword creates a password for a token without one, as the provider does.
func (d *Double) createTokenPassword(in props) (id, value string, err error) {
	err = d.change(func(s *state) error {
		token, err := s.find(text(in, "containerRegistryTokenId"))
		if err != nil {
			return err
		}
		id = tokenPasswordID(token.ID)
		if token.Credentials == nil {
			token.Credentials = &passwords{}
		}
		if len(token.Credentials.Passwords) > 0 {
			return fmt.Errorf("a resource with the ID %q already exists - to be managed via Terraform this resource needs to be"+
				" imported into the State. Please see the resource documentation for \"azurerm_container_registry_token_password\""+
				" for more information", id)
		}
		if err := s.checkUnlocked(token.ID, opWrite); err != nil {
			return err
		}
		_, value, err = token.Credentials.add(props{"displayName": "password1"}, text(in, "password1", "expiry"), d.now())
		return err
	})
	return id, value, err
}
