package oauth

import "sync"

// Where developers see the pages, the server remembers why it has refused requests, so that
// "cognate doctor" can tell. Elsewhere it remembers nothing: the log has it.

// A Refusal is a request that was refused.
type Refusal struct {
	Method  string `json:"method"`  // of the request
	Path    string `json:"path"`    // of the request, without its query
	Problem string `json:"problem"` // the error, as the log would have it
}

// refusalsKept is how many of them are remembered.
const refusalsKept = 256

// recent are the last requests that were refused, by id.
type recent struct {
	mu   sync.Mutex
	byID map[string]Refusal
	ids  []string // the oldest first
}

func (r *recent) note(id string, about Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[string]Refusal{}
	}
	if _, ok := r.byID[id]; !ok {
		r.ids = append(r.ids, id)
	}
	r.byID[id] = about
	if len(r.ids) > refusalsKept {
		delete(r.byID, r.ids[0])
		r.ids = r.ids[1:]
	}
}

// Refused tells why a request was refused, by its id. Only a server with [Options].Explain
// knows, of the last 256 of them.
func (s *Server) Refused(id string) (Refusal, bool) {
	s.refused.mu.Lock()
	defer s.refused.mu.Unlock()
	r, ok := s.refused.byID[id]
	return r, ok
}

// explain remembers why a request is refused.
func (v *visit) explain(code string, err error) {
	if v.server.options.Explain {
		v.server.refused.note(v.id, Refusal{v.r.Method, v.r.URL.Path, code + ": " + err.Error()})
	}
}
