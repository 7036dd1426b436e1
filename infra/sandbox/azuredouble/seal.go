package azuredouble

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// sealedMark begins a sealed text.
const sealedMark = "sealed:"

// sealer encrypts secrets in the state file that the double must be able to read again.
type sealer struct{ aead cipher.AEAD }

// newSealer creates one with the key in a file. It creates a missing file.
func newSealer(file string) (*sealer, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails, as documented
		err = os.WriteFile(file, key, 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead}, err
}

func (s *sealer) seal(text string) (string, error) {
	sealed := s.aead.Seal(nil, nil, []byte(text), nil) //nolint:gosec // G407: it makes a nonce of its own
	return sealedMark + base64.StdEncoding.EncodeToString(sealed), nil
}

func (s *sealer) open(text string) (string, error) {
	encoded, is := strings.CutPrefix(text, sealedMark)
	if !is {
		return text, nil
	}
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	content, err = s.aead.Open(nil, nil, content, nil)
	return string(content), err
}

// changeSecrets applies a change to the secrets in a state: the secret values of tasks' steps, and the token with which a task
// fetches its sources.
func (s *state) changeSecrets(change func(string) (string, error)) error {
	apply := func(holder props, key string) (err error) {
		if value, given := holder[key].(string); given {
			holder[key], err = change(value)
		}
		return err
	}
	for _, r := range s.Resources {
		step, _ := r.Settings["step"].(props)
		if err := apply(step, "contextAccessToken"); err != nil {
			return err
		}
		for _, value := range append(objects(step, "values"), objects(step, "arguments")...) {
			if truth(value, "isSecret") {
				if err := apply(value, "value"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
