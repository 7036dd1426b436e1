// Command vulnerable calls functions in which the made-up database beside it knows vulnerabilities.
package main

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/semver"
)

func main() {
	fmt.Println(semver.Compare("v1.0.0", "v1.0.1"), base64.StdEncoding.EncodeToString(nil))
}
