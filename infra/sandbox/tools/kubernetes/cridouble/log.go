package cridouble

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// containerLog is a container's log in the format of the CRI, one line per write of at most maxLine bytes:
//
//	2026-01-02T15:04:05.999999999Z stdout F the text
//
// P instead of F marks a line that continues.
type containerLog struct {
	path string

	mu   sync.Mutex
	file *os.File
}

const maxLine = 16 << 10

func openLog(path string) (*containerLog, error) {
	l := &containerLog{path: path}
	err := l.reopen()
	return l, err
}

// reopen begins a new file if kubelet has moved the old one away.
func (l *containerLog) reopen() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.file
	l.file = f
	if old == nil {
		return nil
	}
	return old.Close()
}

func (l *containerLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

func (l *containerLog) writeLine(stream, tag string, text []byte) error {
	line := append([]byte(nil), time.Now().UTC().Format(time.RFC3339Nano)+" "+stream+" "+tag+" "...)
	line = append(append(line, text...), '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.file.Write(line)
	return err
}

// logStream cuts one of a container's output streams into lines.
type logStream struct {
	log  *containerLog
	name string // stdout or stderr
	rest []byte // of a line not yet ended
}

func (s *logStream) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		i := bytes.IndexByte(s.rest, '\n')
		tag := "F"
		skip := 1
		if i < 0 || i > maxLine {
			if len(s.rest) < maxLine {
				return len(p), nil
			}
			i, tag, skip = maxLine, "P", 0
		}
		if err := s.log.writeLine(s.name, tag, s.rest[:i]); err != nil {
			return 0, err
		}
		s.rest = s.rest[i+skip:]
	}
}

// flush writes a last line that has no end.
func (s *logStream) flush() error {
	if len(s.rest) == 0 {
		return nil
	}
	err := s.log.writeLine(s.name, "F", s.rest)
	s.rest = nil
	return err
}

func closeLog(l *containerLog, streams ...*logStream) error {
	var err error
	for _, s := range streams {
		err = errors.Join(err, s.flush())
	}
	return errors.Join(err, l.close())
}
