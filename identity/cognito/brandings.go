package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Styles of the pages of managed login. The settings are JSON that nobody here reads.

// brandings is a handle on the styles of the pool that a call names.
func (s *service) brandings(ctx context.Context, pool *string) (identity.Brandings, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.Brandings{}, err
	}
	return p.Admin().Brandings(), nil
}

func (s *service) createManagedLoginBranding(ctx context.Context, in *idp.CreateManagedLoginBrandingRequest) (*idp.CreateManagedLoginBrandingResponse, error) {
	brandings, err := s.brandings(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	b, err := brandings.Create(ctx, text(in.ClientId), identity.BrandingSettings{
		Defaults: val(in.UseCognitoProvidedValues), Settings: in.Settings, Assets: assets(in.Assets),
	})
	if err != nil {
		return nil, err
	}
	return &idp.CreateManagedLoginBrandingResponse{ManagedLoginBranding: brandingType(b)}, nil
}

func (s *service) describeManagedLoginBranding(ctx context.Context, in *idp.DescribeManagedLoginBrandingRequest) (*idp.DescribeManagedLoginBrandingResponse, error) {
	brandings, err := s.brandings(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	b, err := brandings.Get(ctx, text(in.ManagedLoginBrandingId))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeManagedLoginBrandingResponse{ManagedLoginBranding: brandingType(b)}, nil
}

func (s *service) describeManagedLoginBrandingByClient(ctx context.Context, in *idp.DescribeManagedLoginBrandingByClientRequest) (*idp.DescribeManagedLoginBrandingByClientResponse, error) {
	brandings, err := s.brandings(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	b, err := brandings.OfClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeManagedLoginBrandingByClientResponse{ManagedLoginBranding: brandingType(b)}, nil
}

// updateManagedLoginBranding merges the settings and the assets of the request into those that are
// there. Between a style of one's own and the defaults it is all or nothing.
func (s *service) updateManagedLoginBranding(ctx context.Context, in *idp.UpdateManagedLoginBrandingRequest) (*idp.UpdateManagedLoginBrandingResponse, error) {
	brandings, err := s.brandings(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	b, err := brandings.Update(ctx, text(in.ManagedLoginBrandingId), func(set *identity.BrandingSettings) error {
		return set.Merge(identity.BrandingSettings{Defaults: val(in.UseCognitoProvidedValues), Settings: in.Settings, Assets: assets(in.Assets)})
	})
	if err != nil {
		return nil, err
	}
	return &idp.UpdateManagedLoginBrandingResponse{ManagedLoginBranding: brandingType(b)}, nil
}

func (s *service) deleteManagedLoginBranding(ctx context.Context, in *idp.DeleteManagedLoginBrandingRequest) error {
	brandings, err := s.brandings(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return brandings.Delete(ctx, text(in.ManagedLoginBrandingId))
}

func assets(in []idp.AssetType) []identity.BrandingAsset {
	var out []identity.BrandingAsset
	for _, a := range in {
		out = append(out, identity.BrandingAsset{
			Category: string(val(a.Category)), ColorMode: string(val(a.ColorMode)), Extension: string(val(a.Extension)),
			Bytes: a.Bytes, ResourceID: text(a.ResourceId),
		})
	}
	return out
}

// brandingType is a style as the service shows it. ReturnMergedResources changes nothing: the
// service's own settings and files, which it would add, are not known here.
func brandingType(b *identity.Branding) *idp.ManagedLoginBrandingType {
	out := &idp.ManagedLoginBrandingType{
		ManagedLoginBrandingId: ptr(b.ID), UserPoolId: ptr(b.Pool), UseCognitoProvidedValues: ptr(b.Settings.Defaults),
		Settings: b.Settings.Settings, CreationDate: date(b.Created), LastModifiedDate: date(b.Modified),
	}
	for _, a := range b.Settings.Assets {
		shown := idp.AssetType{
			Category: ptr(idp.AssetCategoryType(a.Category)), ColorMode: ptr(idp.ColorSchemeModeType(a.ColorMode)),
			Extension: ptr(idp.AssetExtensionType(a.Extension)), Bytes: a.Bytes,
		}
		if a.ResourceID != "" {
			shown.ResourceId = ptr(a.ResourceID)
		}
		out.Assets = append(out.Assets, shown)
	}
	return out
}
