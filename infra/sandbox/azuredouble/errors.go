package azuredouble

import (
	"errors"
	"fmt"
	"net/http"
)

// cloudError is an error from ARM or Microsoft Graph: an HTTP status, a code, and a readable message.
type cloudError struct {
	service string // "arm" or "graph"
	status  int
	code    string
	message string
}

func armError(status int, code, format string, args ...any) error {
	return &cloudError{service: "arm", status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func graphError(status int, code, format string, args ...any) error {
	return &cloudError{service: "graph", status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// Error formats the error as the real providers do.
func (e *cloudError) Error() string {
	if e.service == "graph" {
		return fmt.Sprintf("unexpected status %d with OData error: %s: %s", e.status, e.code, e.message)
	}
	return fmt.Sprintf("autorest/azure: Service returned an error. Status=%d Code=%q Message=%q", e.status, e.code, e.message)
}

// isNotFound reports whether the object is missing.
func isNotFound(err error) bool {
	var e *cloudError
	return errors.As(err, &e) && e.status == http.StatusNotFound
}
