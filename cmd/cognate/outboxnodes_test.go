package main_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// sendingNodes are two servers on one database. Each has a mail server of its own, so that a mail tells who has sent it.
type sendingNodes struct {
	dir, where, client string
	a, b               *process
	urls               [2]string
	mails              [2]*mailServer

	mu   sync.Mutex
	done [2][]string // names whose sign-up was acknowledged, by the server
}

func startSendingNodes(t *testing.T) *sendingNodes {
	t.Helper()
	n := &sendingNodes{dir: t.TempDir(), where: postgrestest.Address(t), mails: [2]*mailServer{newMailServer(t), newMailServer(t)}}
	if _, errs, code := run(t, n.dir, "pool", "create", "main", "--settings", `{"algorithm":"ES256"}`, "--store", n.where); code != 0 {
		t.Fatal(errs)
	}
	made, errs, code := run(t, n.dir, "client", "create", "web", "--store", n.where)
	if code != 0 {
		t.Fatal(errs)
	}
	n.client, _, _ = strings.Cut(made, "\n")
	begin := func(i int) (p *process) {
		p, n.urls[i] = serveAt(t, n.dir, "--store", n.where, "--smtp", "smtp://"+n.mails[i].addr, "--mail-from", "no-reply@acme.test", "--insecure-smtp-clear-text")
		return p
	}
	n.a, n.b = begin(0), begin(1)
	return n
}

// signUp signs users up through a server until ctx ends or the server is gone.
func (n *sendingNodes) signUp(t *testing.T, ctx context.Context, server, writer int) {
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("s%d-w%d-%d", server, writer, i)
		body := fmt.Sprintf(`{"ClientId":%q,"Username":%q,"Password":"correct-horse-battery-staple","UserAttributes":[{"Name":"email","Value":"%s@example.com"}]}`, n.client, name, name)
		a, err := try(context.Background(), n.urls[server], "SignUp", body, nil)
		switch {
		case err != nil:
			return // killed
		case a.Type == "TooManyRequestsException": // the machine is busy: it was not acknowledged
			time.Sleep(50 * time.Millisecond)
		case a.status != 200:
			t.Errorf("SignUp(%s): %+v", name, a)
			return
		default:
			n.mu.Lock()
			n.done[server] = append(n.done[server], name)
			n.mu.Unlock()
		}
	}
}

// counts are how many sign-ups were acknowledged by a server, how many mails it has sent, and how many of them it does
// not know to be taken.
func (n *sendingNodes) counts(server int) (acknowledged, sent, held int) {
	n.mu.Lock()
	acknowledged = len(n.done[server])
	n.mu.Unlock()
	m := n.mails[server]
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ids := range m.got {
		sent += len(ids)
	}
	return acknowledged, sent, len(m.held)
}

func (n *sendingNodes) await(t *testing.T, what string, most time.Duration, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !reached(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to this: %s", what)
		}
	}
}

// ids are the ids of all mails to an address, whoever has sent them.
func (n *sendingNodes) ids(to string) (ids []string) {
	for _, m := range n.mails {
		m.mu.Lock()
		ids = append(ids, m.got[to]...)
		m.mu.Unlock()
	}
	return ids
}

// TestTwoServersSendEachMessageOnce has two servers on one database send the mail of sign-ups through
// either, and kills one of them while it sends. Each sign-up that was acknowledged gets its mail. It gets
// it once, but for the four that the killed server was sending, of which it did not learn that
// they were taken: the other sends those again, with the same ids, after the end of their lease.
func TestTwoServersSendEachMessageOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 90 seconds for the end of a lease")
	}
	n := startSendingNodes(t)
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() { n.signUp(t, ctx, w%2, w) })
	}
	defer writers.Wait()
	defer cancel()
	n.await(t, "both sign users up, and send", 2*limit, func() bool {
		accA, sentA, _ := n.counts(0)
		accB, sentB, _ := n.counts(1)
		return min(accA, accB) >= 30 && min(sentA, sentB) >= 20
	})
	const workers = 4
	n.mails[0].mu.Lock()
	n.mails[0].mute = true
	n.mails[0].mu.Unlock()
	n.await(t, "each worker of the first server waits for its mail server", limit, func() bool { _, _, held := n.counts(0); return held == workers })
	n.a.kill()
	before, _, _ := n.counts(1)
	n.await(t, "the second server goes on", limit, func() bool { after, _, _ := n.counts(1); return after >= before+10 })
	cancel()
	writers.Wait()
	n.await(t, "no message waits any more", 3*limit, func() bool {
		out, errs, code := run(t, n.dir, "outbox", "list", "--store", n.where, "--json")
		if code != 0 {
			t.Fatal(errs)
		}
		time.Sleep(500 * time.Millisecond)
		return strings.TrimSpace(out) == ""
	})
	n.check(t)
}

// check compares what was delivered with what was acknowledged.
func (n *sendingNodes) check(t *testing.T) {
	t.Helper()
	for server, names := range n.done {
		for _, name := range names {
			if len(n.ids(name+"@example.com")) == 0 {
				t.Errorf("%s was acknowledged by server %d, and gets no mail", name, server)
			}
		}
	}
	all := map[string]bool{}
	for _, m := range n.mails {
		for to := range m.got {
			all[to] = true
		}
	}
	held := n.mails[0].held
	for to := range all {
		ids, want := n.ids(to), 1
		if slices.Contains(held, to) {
			want = 2
		}
		if len(ids) != want || ids[0] != ids[len(ids)-1] || ids[0] == "" {
			t.Errorf("%s gets mails with the ids %q, want %d with one id", to, ids, want)
		}
	}
	_, sentA, _ := n.counts(0)
	_, sentB, _ := n.counts(1)
	t.Logf("%d and %d sign-ups acknowledged; %d and %d mails sent, of them %d twice", len(n.done[0]), len(n.done[1]), sentA, sentB, len(held))
}
