package azuredouble

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const lockType = "Microsoft.Authorization/locks"

// The operations that a lock can block.
const (
	opWrite  = "write"
	opDelete = "delete"
)

// lockName matches valid names.
var lockName = regexp.MustCompile(`^[^<>%&:\\?/[:cntrl:]]{1,260}$`)

var lockLevels = []string{"NotSpecified", "CanNotDelete", "ReadOnly"}

func isLock(r *armResource) bool { return isExtension(r.ID, lockType) }

func checkLock(c change) error {
	switch level := text(c.in, "level"); {
	case !slices.Contains(lockLevels, level):
		return badRequest("InvalidLockLevel", "The lock level '%s' is invalid. Allowed values: %s.", level, strings.Join(lockLevels, ", "))
	case level == "NotSpecified":
		return badRequest("InvalidLockLevel", "The lock level must be specified.")
	case len(text(c.in, "notes")) > 512:
		return badRequest("InvalidLockNotes", "The notes of a lock can have at most 512 characters.")
	}
	return nil
}

// checkUnlocked rejects an operation on a resource if a lock forbids it: a lock on the resource or its container, or, for a
// deletion, on a resource that would be deleted with it. Locks themselves can always be changed and deleted.
func (s *state) checkUnlocked(id, operation string) error {
	if isExtension(id, lockType) {
		return nil
	}
	var locked []string
	for _, lock := range s.Resources {
		if !isLock(lock) || operation != opDelete && text(lock.Settings, "level") != "ReadOnly" {
			continue
		}
		if scope := text(lock.Settings, "scope"); covers(scope, id) || operation == opDelete && covers(id, scope) {
			locked = append(locked, strings.TrimSuffix(scope, "/"))
		}
	}
	if len(locked) == 0 {
		return nil
	}
	slices.Sort(locked)
	return armError(http.StatusConflict, "ScopeLocked", "The scope '%s' cannot perform %s operation because following scope(s) are"+
		" locked: '%s'. Please remove the lock and try again.", id, operation, strings.Join(locked, "','"))
}

// lockOutputs are the properties that ARM returns.
func lockOutputs(_ *state, r *armResource) props {
	return withSettings(props{
		"name":       text(r.Settings, "lockName"),
		"systemData": systemData(r),
		"type":       lockType,
	}, r.Settings, "level", "notes", "owners")
}
