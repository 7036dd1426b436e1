// Package kmsgparser is a double of github.com/euank/go-kmsg-parser, used by a replace directive. kubelet reads the kernel's
// log through it to report processes killed for lack of memory, and fails to start without permission: only root can read
// /dev/kmsg. This double has the same interface and never reports a message.
package kmsgparser

import "time"

// Parser gives the messages of the kernel's log: here, none.
type Parser interface {
	SeekEnd() error
	Parse() <-chan Message
	SetLogger(Logger)
	Close() error
}

// Message is one message of the kernel's log.
type Message struct {
	Priority       int
	SequenceNumber int
	Timestamp      time.Time
	Message        string
}

// Logger receives a parser's own messages; the double has none.
type Logger interface {
	Infof(format string, args ...any)
	Warningf(format string, args ...any)
	Errorf(format string, args ...any)
}

type silent struct{ messages chan Message }

// NewParser returns a parser that never reports a message. Its error is always nil.
func NewParser() (Parser, error) { return silent{make(chan Message)}, nil }

func (silent) SeekEnd() error          { return nil }
func (s silent) Parse() <-chan Message { return s.messages }
func (silent) SetLogger(Logger)        {}
func (s silent) Close() error          { close(s.messages); return nil }
