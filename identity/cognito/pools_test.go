package cognito_test

import (
	"slices"
	"strconv"
	"testing"
)

// listPools reads all pages of a listing, and how many there were.
func (s *server) listPools(size int) (ids []string, pages int) {
	s.t.Helper()
	body := obj{"MaxResults": size}
	for {
		out := s.ok("ListUserPools", body)
		page, ok := out["UserPools"].(list)
		if !ok {
			s.t.Fatalf("ListUserPools has no list: %v", out)
		}
		pages++
		for _, p := range page {
			wantMembers(s.t, "a listed pool", p, "CreationDate", "Id", "LambdaConfig", "LastModifiedDate", "Name")
			ids = append(ids, str(s.t, p, "Id"))
		}
		token, more := out["NextToken"]
		if !more {
			return ids, pages
		}
		if token == "" || len(page) != size {
			s.t.Fatalf("a page of %d pools and the token %q, want %d and one that is not empty", len(page), token, size)
		}
		body["NextToken"] = token
	}
}

func TestListingOfPools(t *testing.T) {
	s := newServer(t)
	if ids, pages := s.listPools(60); len(ids) != 0 || pages != 1 {
		t.Errorf("no pools are listed as %v on %d pages", ids, pages)
	}
	var want []string
	for i := range 61 {
		want = append(want, s.pool(obj{"PoolName": "p" + strconv.Itoa(i)}))
	}
	slices.Sort(want)
	sizes := map[int]int{60: 2, 30: 3, 7: 9, 1: 61}
	if testing.Short() {
		delete(sizes, 1)
	}
	for size, pages := range sizes {
		got, n := s.listPools(size)
		slices.Sort(got)
		if !slices.Equal(got, want) || n != pages {
			t.Errorf("pages of %d: %d pools on %d pages, want 61 on %d", size, len(got), n, pages)
		}
	}
	s.ok("DeleteUserPool", obj{"UserPoolId": want[0]})
	if got, _ := s.listPools(60); slices.Contains(got, want[0]) {
		t.Errorf("a deleted pool is listed")
	}
}

// A page goes on where the one before ended, also when that pool is gone.
func TestListingWhilePoolsGo(t *testing.T) {
	s := newServer(t)
	for range 3 {
		s.pool(nil)
	}
	all, _ := s.listPools(60)
	out := s.ok("ListUserPools", obj{"MaxResults": 1})
	s.ok("DeleteUserPool", obj{"UserPoolId": all[0]})
	out = s.ok("ListUserPools", obj{"MaxResults": 60, "NextToken": out["NextToken"]})
	var rest []string
	for _, p := range out["UserPools"].(list) {
		rest = append(rest, str(t, p, "Id"))
	}
	if !slices.Equal(rest, all[1:]) {
		t.Errorf("the second page is %v, want %v", rest, all[1:])
	}
}

func TestRegionsAreApart(t *testing.T) {
	s := newServer(t)
	there := func(region string) *server { s.region = region; return s }
	pools := map[string]string{}
	for _, region := range []string{"us-east-1", "eu-west-1", "us-gov-west-1"} {
		pools[region] = there(region).pool(obj{"PoolName": region})
		wantForm(t, "id of a pool of "+region, pools[region], `^`+region+`_[0-9A-Za-z]{9}$`)
	}
	for region := range pools {
		if ids, _ := there(region).listPools(60); !slices.Equal(ids, []string{pools[region]}) {
			t.Errorf("%s lists %v, want only its own %s", region, ids, pools[region])
		}
	}
	foreign, own := pools["eu-west-1"], pools["us-east-1"]
	there("us-east-1")
	t.Run("another region's page token", func(t *testing.T) {
		there("eu-west-1").pool(nil)
		token := s.ok("ListUserPools", obj{"MaxResults": 1})["NextToken"]
		there("us-east-1").call("ListUserPools", obj{"MaxResults": 1, "NextToken": token}).wantMarker(t, token)
	})
	t.Run("no signature", func(t *testing.T) {
		there("").ok("DescribeUserPool", obj{"UserPoolId": foreign})
		if ids, _ := s.listPools(60); !slices.Equal(ids, []string{own}) {
			t.Errorf("unsigned, %v are listed, want those of the engine's region", ids)
		}
	})
	t.Run("public calls need none", func(t *testing.T) {
		c := there("eu-west-1").client(foreign, nil)
		there("").ok("SignUp", c.signUpBody("alice"))
	})
	t.Run("what is no region", func(t *testing.T) {
		there("nowhere").call("CreateUserPool", obj{"PoolName": "p"}).
			want(t, invalid(`"nowhere" is not a region such as us-east-1.`))
		s.ok("ListUserPools", obj{"MaxResults": 1})
	})
}

func TestNumberOfUsers(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	for n := range 3 {
		if got := dig(s.ok("DescribeUserPool", obj{"UserPoolId": pool}), "UserPool", "EstimatedNumberOfUsers"); got != float64(n) {
			t.Errorf("%v users, want %d", got, n)
		}
		s.invited(pool, "user"+strconv.Itoa(n))
	}
}

// Of a deleted pool nothing is left: neither users who sign in, nor tokens, nor keys.
func TestDeletedPool(t *testing.T) {
	w := newWorld(t)
	tokens := w.open.signIn("alice")
	w.ok("DeleteUserPool", obj{"UserPoolId": w.pool})
	gone := problem{"ResourceNotFoundException", "User pool " + w.pool + " does not exist.", 0}
	w.call("DescribeUserPool", obj{"UserPoolId": w.pool}).want(t, gone)
	w.call("DeleteUserPool", obj{"UserPoolId": w.pool}).want(t, gone)
	w.call("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"}).want(t, gone)
	w.call("InitiateAuth", w.open.passwordAuth("alice", goodPass)).want(t, noClient(w.open.id))
	w.call("GetTokensFromRefreshToken", obj{"ClientId": w.open.id, "RefreshToken": tokens["RefreshToken"]}).want(t, noClient(w.open.id))
	w.call("GetUser", obj{"AccessToken": tokens["AccessToken"]}).want(t, badAccess)
	if a := w.get("/" + w.pool + "/.well-known/jwks.json"); a.status != 404 {
		t.Errorf("keys of a deleted pool: %d %s", a.status, a.raw)
	}
}
