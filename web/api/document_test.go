package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"reflect"
	"testing"

	"github.com/deskbell/deskbell/web/api"
)

// committed is the document the screen's types are made from, with npm run types.
const committed = "../ui/src/lib/api/openapi.json"

// TestDocumentIsCommitted fails when the interface and the document the screen is built from differ.
// With DESKBELL_UPDATE=1 it writes the document.
func TestDocumentIsCommitted(t *testing.T) {
	document, err := api.New(http.NewServeMux(), api.Options{}).Document()
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, document, "", "\t"); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if os.Getenv("DESKBELL_UPDATE") != "" {
		if err := os.WriteFile(committed, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	var is, was any // a formatter may lay the file out as it likes
	if err := errors.Join(json.Unmarshal(document, &is), json.Unmarshal(have, &was)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(is, was) {
		t.Errorf("%s is not the interface as it is: run DESKBELL_UPDATE=1 go test ./web/api -run TestDocumentIsCommitted, then npm run types in web/ui", committed)
	}
}
