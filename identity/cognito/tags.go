package cognito

import (
	"context"
	"maps"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Tags of pools. TagResource and UntagResource change the map of tags inside the
// transaction of identity.Admin.Update, so two calls at once lose nothing.
// Resources are named by their ARN; only user pools have tags here. CreateUserPool
// and UpdateUserPool replace all tags, see poolMembers.

// resource finds the pool that an ARN names: one of this region and account.
func (s *service) resource(ctx context.Context, arn *string) (*identity.UserPool, *identity.PoolInfo, error) {
	_, id, _ := strings.Cut(text(arn), ":userpool/")
	pool, err := s.pool(ctx, &id)
	if err != nil {
		return nil, nil, err
	}
	info, err := pool.Admin().Describe(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s.engine.ARN(info) != text(arn) {
		return nil, nil, &identity.NotFoundError{Err: identity.ErrPoolNotFound, ID: id}
	}
	return pool, info, nil
}

// tagResource adds tags, and replaces the values of those that are there. The
// limit of 50 is checked with the settings.
func (s *service) tagResource(ctx context.Context, in *idp.TagResourceRequest) (*idp.TagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &idp.TagResourceResponse{}, nil
}

// untagResource takes tags away. A key that is not there is no error.
func (s *service) untagResource(ctx context.Context, in *idp.UntagResourceRequest) (*idp.UntagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
	if err != nil {
		return nil, err
	}
	return &idp.UntagResourceResponse{}, nil
}

// retag changes the tags of a pool.
func (s *service) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	pool, _, err := s.resource(ctx, arn)
	if err != nil {
		return err
	}
	_, err = pool.Admin().Update(ctx, func(set *identity.PoolSettings) error {
		if set.Tags == nil {
			set.Tags = map[string]string{}
		}
		change(set.Tags)
		return nil
	})
	return err
}

// listTagsForResource shows an empty map for a pool without tags.
func (s *service) listTagsForResource(ctx context.Context, in *idp.ListTagsForResourceRequest) (*idp.ListTagsForResourceResponse, error) {
	_, info, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &idp.ListTagsForResourceResponse{Tags: info.Settings.Tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}

// maxTags is how many tags a pool can have.
const maxTags = 50

// checkTagCount refuses tags by the exception that Create- and UpdateUserPool have for them; text (unsure).
func checkTagCount(tags map[string]string) error {
	if len(tags) <= maxTags {
		return nil
	}
	return wire.Errorf(idp.UserPoolTaggingException, "A user pool has at most %d tags.", maxTags)
}
