package identity_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

var (
	givenNames = strings.Fields("Maria Mohammed Ana Wei Olga Jean Fatima Marek Ingrid Kofi Mei Luca Zoe Mateo Noah Aisha Miguel Sofia Yuki Milan")
	families   = strings.Fields("Garcia Smith Nguyen Müller Kowalska Okafor Silva Ivanova Tanaka Rossi Haddad Novak Andersen Costa Moreau Khan")
	providers  = strings.Fields("example.com mail.example.org post.example.net")
)

// person is user i, always the same, with the attributes that people have.
func person(i int, u *identity.User) {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	given, family := givenNames[r.IntN(len(givenNames))], families[r.IntN(len(families))]
	a, b := r.Uint64(), r.Uint64()
	u.Sub = fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", uint32(a), uint16(a>>32), a>>48&0xfff, b&0xfff, b>>16&(1<<48-1))
	u.Username = strings.ToLower(given) + fmt.Sprintf(".%07d", i)
	u.Attributes = map[string]string{
		"email": u.Username + "@" + providers[r.IntN(len(providers))], "email_verified": "true",
		"phone_number": fmt.Sprintf("+1555%07d", i), "phone_number_verified": "false",
		"given_name": given, "family_name": family, "name": given + " " + family, "locale": "en-US",
	}
	if r.IntN(20) == 0 {
		u.Status = identity.StatusUnconfirmed
	}
	u.Disabled = r.IntN(50) == 0
}

// town is a pool on a store of one kind, full of people.
type town struct {
	*fixture
	pool  *identity.UserPool
	users int
	size  func() int64      // bytes that the store takes
	turn  int               // of someone
	after map[string]string // where the pages of a filter go on
}

// towns are the kinds of stores, each with what tells the bytes that it takes.
var towns = []struct {
	name string
	open func(b *testing.B) (store.Store, func() int64)
}{
	{"memory", func(*testing.B) (store.Store, func() int64) { return memory.New(), heapGrowth() }},
	{"bolt", func(b *testing.B) (store.Store, func() int64) {
		path := filepath.Join(b.TempDir(), "store")
		s, err := bolt.Open(path, &bolt.Options{InsecureNoSync: true})
		check(b, "Open", err)
		b.Cleanup(func() { _ = s.Close() })
		return s, func() int64 {
			info, err := os.Stat(path)
			check(b, "Stat", err)
			return info.Size()
		}
	}},
	{"postgres", func(b *testing.B) (store.Store, func() int64) {
		s := postgrestest.Open(b, postgrestest.Address(b), nil)
		b.Cleanup(func() { _ = s.Close() })
		return s, func() int64 {
			n, err := s.Size(b.Context())
			check(b, "Size", err)
			return n
		}
	}},
}

// onTowns calls fn with a full pool on each kind of store, which is filled once.
func onTowns(b *testing.B, fn func(b *testing.B, c *town)) {
	b.Helper()
	for _, kind := range towns {
		b.Run(kind.name, func(b *testing.B) {
			s, size := kind.open(b)
			fn(b, newTown(b, s, size, benchUsers(b)))
		})
	}
}

func newTown(b *testing.B, s store.Store, size func() int64, users int) *town {
	b.Helper()
	c := &town{users: users, size: size, after: make(map[string]string)}
	c.fixture = newEngineWith(b, s, func(o *identity.Options) { o.Logger = slog.New(slog.DiscardHandler) })
	c.outbox.Next = nil
	c.pool = c.open(b, identity.PoolSettings{SRP: true})
	group, err := c.pool.Admin().Groups().Create(b.Context(), identity.GroupSettings{Name: "tenth"})
	check(b, "Create", err)
	entries, err := c.pool.BulkRecords(b.Context(), c.users, password, func(i int, u *identity.User) {
		if i%10 == 0 {
			u.Groups = []string{group.ID}
		}
		if person(i, u); i > 0 && i%100_000 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d users\n", b.Name(), i, c.users)
		}
	})
	check(b, "BulkRecords", err)
	check(b, "BulkLoad", s.(store.BulkLoader).BulkLoad(b.Context(), entries))
	return c
}

// heapGrowth tells by how much the heap has grown since.
func heapGrowth() func() int64 {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	return func() int64 { return heap() - before }
}

// BenchmarkUsers is what depends on how many users there are. The number is
// COGNATE_BENCH_USERS; passwords are hashed cheaply, so that the store shows.
//
//	COGNATE_BENCH_USERS=1000000 go test ./identity -run xxx -bench 'Users$' -timeout 1h
func BenchmarkUsers(b *testing.B) {
	onTowns(b, func(b *testing.B, c *town) {
		b.Run("size", func(b *testing.B) {
			for b.Loop() { // nothing is timed
			}
			b.ReportMetric(float64(c.size())/float64(c.users), "B/user")
		})
		b.Run("tables", func(b *testing.B) { reportTables(b, c) })
		benchmarkLists(b, c)
		benchmarkMembers(b, c)
		benchmarkPoints(b, c)
		n := 0
		b.Run("SignUp", func(b *testing.B) {
			for b.Loop() {
				n++
				_, err := c.pool.SignUp(b.Context(), identity.SignUp{
					Username: fmt.Sprint("new", n), Password: password, Attributes: map[string]string{"email": fmt.Sprintf("new%d@example.com", n)},
				})
				check(b, "SignUp", err)
			}
		})
		b.Run("AdminCreateUser", func(b *testing.B) {
			for b.Loop() {
				n++
				enroll(b, c.pool, fmt.Sprint("made", n), map[string]string{"email": fmt.Sprintf("made%d@example.com", n)})
			}
		})
	})
}

// reportTables tells the bytes of keys and values that each table has for a user,
// without what the store adds.
func reportTables(b *testing.B, c *town) {
	for b.Loop() { // nothing is timed
	}
	for _, table := range identity.Tables().Tables() {
		size := 0
		check(b, "View", c.store.View(b.Context(), func(r store.Reader) error {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				size += len(e.Key) + len(e.Value)
			}
			return nil
		}))
		if size/c.users > 0 {
			b.ReportMetric(float64(size)/float64(c.users), table+"-B/user")
		}
	}
}

// benchmarkPoints reads one user after another by name, and changes one after another.
func benchmarkPoints(b *testing.B, c *town) {
	us := c.pool.Admin().Users()
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			check(b, "Get", second(us.Get(b.Context(), c.someone())))
		}
	})
	b.Run("change", func(b *testing.B) {
		for b.Loop() {
			check(b, "UpdateAttributes", us.UpdateAttributes(b.Context(), c.someone(), map[string]string{"nickname": fmt.Sprint(c.turn)}))
		}
	})
}

// BenchmarkGrowth is what an operation costs in a pool of COGNATE_BENCH_USERS
// users, where it costs 1 in one of a thousand: medians over alternating runs on
// both, for each user shown. COGNATE_PAIRS says how many, 7 unless it is set.
//
//	COGNATE_BENCH_USERS=1000000 go test ./identity -run xxx -bench Growth -benchtime 1x -timeout 1h
func BenchmarkGrowth(b *testing.B) {
	pairs := 7
	if n, err := strconv.Atoi(os.Getenv("COGNATE_PAIRS")); err == nil {
		pairs = n
	}
	for _, kind := range towns {
		b.Run(kind.name, func(b *testing.B) {
			var both [2]*town
			for i, users := range []int{1000, benchUsers(b)} {
				s, size := kind.open(b)
				both[i] = newTown(b, s, size, users)
			}
			for _, o := range growing {
				b.Run(o.name, func(b *testing.B) {
					var ratios []float64
					for range pairs {
						var cost [2]float64
						for i, c := range both {
							began, shown := time.Now(), o.run(b, c)
							cost[i] = float64(time.Since(began)) / float64(shown)
						}
						ratios = append(ratios, cost[1]/cost[0])
					}
					slices.Sort(ratios)
					b.ReportMetric(ratios[pairs/2], "x-1000-users")
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

// growing are operations, in runs of a good part of a second. Each returns how many users it has shown.
var growing = []struct {
	name string
	run  func(b *testing.B, c *town) (shown int)
}{
	{"get", func(b *testing.B, c *town) int {
		for range 10_000 {
			check(b, "Get", second(c.pool.Admin().Users().Get(b.Context(), c.someone())))
		}
		return 10_000
	}},
	{"change", func(b *testing.B, c *town) int {
		for i := range 1000 {
			check(b, "UpdateAttributes", c.pool.Admin().Users().UpdateAttributes(b.Context(), c.someone(), map[string]string{"nickname": fmt.Sprint(i)}))
		}
		return 1000
	}},
	{"username^", pagesOf(`username ^= "m"`)},
	{"email^", pagesOf(`email ^= "m"`)},
	{"sub^", pagesOf(`sub ^= "a"`)},
	{"status", pagesOf(`status = "Enabled"`)},
	{"all", pagesOf("")},
}

// pagesOf reads pages of 60, one after the other, where the run before has ended.
func pagesOf(filter string) func(b *testing.B, c *town) int {
	return func(b *testing.B, c *town) (shown int) {
		for range 300 {
			page, next, err := c.pool.Admin().Users().Page(b.Context(), identity.UserQuery{Filter: filter, Limit: 60, After: c.after[filter]})
			check(b, "Page", err)
			shown += len(page)
			c.after[filter] = next
		}
		return shown
	}
}

// someone is the name of one user after the other, all over the town.
func (c *town) someone() string {
	c.turn++
	u := &identity.User{}
	person(c.turn*7919%c.users, u)
	return u.Username
}

// benchmarkLists reads pages by each form of filter. A whole value is another
// user's each time; a beginning is that of many, and its pages are read one after the other.
func benchmarkLists(b *testing.B, c *town) {
	whole := func(format string, of func(*identity.User) string) func(i int) string {
		return func(i int) string {
			u := &identity.User{}
			person(i*7919%c.users, u)
			return fmt.Sprintf(format, of(u))
		}
	}
	always := func(filter string) func(int) string { return func(int) string { return filter } }
	for _, form := range []struct {
		name   string
		filter func(i int) string
		pages  bool
	}{
		{"all", always(``), true},
		{"email", whole(`email = %q`, func(u *identity.User) string { return u.Attributes["email"] }), false},
		{"email^", always(`email ^= "m"`), true},
		{"username", whole(`username = %q`, func(u *identity.User) string { return u.Username }), false},
		{"username^", always(`username ^= "m"`), true},
		{"status", always(`status = "Enabled"`), true},
		{"status^", always(`status ^= "E"`), true},
		{"user_status", always(`cognito:user_status = "Confirmed"`), true},
		{"user_status^", always(`cognito:user_status ^= "conf"`), true},
		{"sub", whole(`sub = %q`, func(u *identity.User) string { return u.Sub }), false},
		{"sub^", always(`sub ^= "a"`), true},
	} {
		for _, limit := range []int{10, 60} {
			if !form.pages && limit > 10 {
				continue // there is one user, whatever the limit
			}
			b.Run(fmt.Sprintf("list/%s/%d", form.name, limit), func(b *testing.B) {
				b.ReportAllocs()
				us, i, shown, after := c.pool.Admin().Users(), 0, 0, ""
				for b.Loop() {
					i++
					page, next, err := us.Page(b.Context(), identity.UserQuery{Filter: form.filter(i), Limit: limit, After: after})
					check(b, "Page", err)
					if shown += len(page); form.pages {
						after = next
					}
				}
				b.ReportMetric(float64(shown)/float64(b.N), "users/op")
			})
		}
	}
}

// benchmarkMembers reads pages of a group that a tenth of all users are in, one after the other.
func benchmarkMembers(b *testing.B, c *town) {
	for _, limit := range []int{10, 60} {
		b.Run(fmt.Sprintf("members/%d", limit), func(b *testing.B) {
			b.ReportAllocs()
			groups, shown, after := c.pool.Admin().Groups(), 0, ""
			for b.Loop() {
				n := 0
				for u, err := range groups.Members(b.Context(), "tenth", after) {
					check(b, "Members", err)
					if after, n = u.Sub, n+1; n == limit {
						break
					}
				}
				if shown += n; n < limit {
					after = ""
				}
			}
			b.ReportMetric(float64(shown)/float64(b.N), "users/op")
		})
	}
}
