package oauth

import (
	"context"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Applications are told that a user has signed out: by frames of the page that says so, and on their
// servers. Neither holds the user up: a server that does not answer is left alone, and the log has it.

const (
	tellAtOnce = 64               // more are not told, and the log has it
	tellTime   = 10 * time.Second // for one application
)

// signOutBrowser ends the sign-in of a browser, and tells its applications. It returns the frames that tell the others.
func (v *visit) signOutBrowser(b *identity.Browser) (frames []string, err error) {
	all, err := b.Logouts(v.ctx)
	if err != nil {
		return nil, err
	}
	if err := b.SignOut(v.ctx); err != nil {
		return nil, err
	}
	return v.tell(all), nil
}

// tell tells the applications of a browser that is signed out.
func (v *visit) tell(all []identity.Logout) (frames []string) {
	for _, l := range all {
		if l.FrontChannel != "" {
			frames = append(frames, l.FrontChannel)
		}
		if l.BackChannel == "" || v.server.options.BackChannel == nil {
			continue
		}
		select {
		case v.server.telling <- struct{}{}:
			go v.tellServer(context.WithoutCancel(v.ctx), l)
		default:
			v.server.log.WarnContext(v.ctx, "an application is not told of a sign-out: too many at once", "client", l.Client)
		}
	}
	return frames
}

func (v *visit) tellServer(ctx context.Context, l identity.Logout) {
	defer func() { <-v.server.telling }()
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	if err := v.server.options.BackChannel(ctx, l.BackChannel, l.Token); err != nil {
		v.server.log.WarnContext(ctx, "an application was not told of a sign-out", "client", l.Client, "error", err)
	}
}

// framed is the page that tells applications by frames, and leads on to where the browser goes then.
func framed(page hosted.Page, frames []string, next string) hosted.Page {
	page.Frames, page.Links.App = frames, next
	return page
}
