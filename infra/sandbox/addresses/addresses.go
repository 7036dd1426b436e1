// Package addresses gives servers the same addresses on this machine after each start.
package addresses

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
)

// Listeners are open ports, by the name of the server.
type Listeners map[string]net.Listener

// Listen opens the ports in the file, and keeps there those that it opens. It replaces a missing port, or one that another process
// uses, by a free one.
func Listen(file string, names ...string) (Listeners, error) {
	const free = "127.0.0.1:0"
	kept := map[string]string{}
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	l := Listeners{}
	for _, name := range names {
		open, err := net.Listen("tcp", cmp.Or(kept[name], free))
		if err != nil {
			open, err = net.Listen("tcp", free)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l[name], kept[name] = open, open.Addr().String()
	}
	content, err = json.Marshal(kept)
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Of returns a server's address, as host:port.
func (l Listeners) Of(name string) string { return l[name].Addr().String() }

// Close closes all ports.
func (l Listeners) Close() error {
	var err error
	for _, open := range l {
		err = errors.Join(err, open.Close())
	}
	return err
}
