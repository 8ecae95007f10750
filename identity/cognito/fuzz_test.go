package cognito_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"
)

// FuzzHandler sends anything to the whole handler: the answer is one that an
// SDK can read, soon, and never a fault of the server.
func FuzzHandler(f *testing.F) {
	w, bodies := newAskedWorld(f)
	for i, op := range slices.Sorted(maps.Keys(bodies)) {
		if testing.Short() && i%4 != 0 { // TestEachAnswerKeepsTheModel asks them all
			continue
		}
		f.Add(idpPrefix+op, jsonText(bodies[op]))
	}
	for _, what := range slices.Sorted(maps.Keys(forgedBodies())) {
		if body := forgedBodies()[what]; len(body) < 1000 {
			f.Add(idpPrefix+"SignUp", body)
		}
	}
	f.Add(fedidPrefix+"GetId", `{}`)
	f.Add("TrentService.Decrypt", `{"CiphertextBlob":"eA==","EncryptionContext":{"a":"b"},"KeyId":"k","EncryptionAlgorithm":"SYMMETRIC_DEFAULT","GrantTokens":["g"],"DryRun":true}`)
	f.Fuzz(func(t *testing.T, target, body string) {
		s := &server{t: t, handler: w.handler, region: w.region}
		began := time.Now()
		a := s.send(target, body)
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
		if a.status != http.StatusOK && (a.status < 400 || a.status > 499 || a.body["__type"] == nil) {
			t.Errorf("%d %s", a.status, a.raw)
		}
		a.wantHeaders(t)
	})
}
