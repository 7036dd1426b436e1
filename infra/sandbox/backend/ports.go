package backend

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
)

// addresses are the doubles' addresses, as host:port.
type addresses struct{ AzureNative, AzureAD, Azure, Registry string }

// listeners are the open ports of the doubles.
type listeners struct{ azureNative, azureAD, azure, registry net.Listener }

// listen opens the ports in the file, so that a sandbox has the same addresses after each start. It replaces a missing port, or one
// that another process uses, by a free one.
func listen(file string) (l listeners, err error) {
	var old addresses
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &old)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l, err
	}
	for _, port := range []struct {
		listener *net.Listener
		address  string
	}{{&l.azureNative, old.AzureNative}, {&l.azureAD, old.AzureAD}, {&l.azure, old.Azure}, {&l.registry, old.Registry}} {
		if *port.listener, err = open(port.address); err != nil {
			return l, errors.Join(err, l.close())
		}
	}
	content, err = json.Marshal(l.addresses())
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		return l, errors.Join(err, l.close())
	}
	return l, nil
}

func open(address string) (net.Listener, error) {
	if address != "" {
		if l, err := net.Listen("tcp", address); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

func (l listeners) addresses() addresses {
	return addresses{
		AzureNative: l.azureNative.Addr().String(), AzureAD: l.azureAD.Addr().String(),
		Azure: l.azure.Addr().String(), Registry: l.registry.Addr().String(),
	}
}

func (l listeners) close() error {
	var err error
	for _, listener := range []net.Listener{l.azureNative, l.azureAD, l.azure, l.registry} {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
	}
	return err
}
