package cognate.springtest;

import java.time.Duration;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.RefreshTokenOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.annotation.RegisteredOAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.endpoint.RestClientRefreshTokenTokenResponseClient;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.core.endpoint.OAuth2ParameterNames;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.util.HtmlUtils;

/** A site that users sign in to by Cognate. The test gives it its port and its registrations. */
@SpringBootApplication
@RestController
public class App {
    public static void main(String[] args) {
        SpringApplication.run(App.class, args);
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository registrations) throws Exception {
        var signedOut = new OidcClientInitiatedLogoutSuccessHandler(registrations);
        signedOut.setPostLogoutRedirectUri("{baseUrl}/bye");
        return http
            .oauth2Login(login -> login.authorizationEndpoint(at -> at.authorizationRequestResolver(pastThePages(registrations))))
            .authorizeHttpRequests(paths -> paths.requestMatchers("/bye").permitAll().anyRequest().authenticated())
            .logout(logout -> logout.logoutSuccessHandler(signedOut))
            .build();
    }

    /** Sends users of the registration "certified" past the pages of the server, to the identity provider of that name. */
    private static DefaultOAuth2AuthorizationRequestResolver pastThePages(ClientRegistrationRepository registrations) {
        var resolver = new DefaultOAuth2AuthorizationRequestResolver(registrations, "/oauth2/authorization");
        resolver.setAuthorizationRequestCustomizer(request -> request.attributes(attributes -> {
            if ("certified".equals(attributes.get(OAuth2ParameterNames.REGISTRATION_ID))) {
                request.additionalParameters(parameters -> parameters.put("identity_provider", "Certified"));
            }
        }));
        return resolver;
    }

    /**
     * Takes each access token for one that ends soon, so that /refreshed is what it says. The client of the token endpoint that
     * Spring Security 6.5 has by default leaves client_id out where there is no secret; this one, the default of 7, does not.
     */
    @Bean
    RefreshTokenOAuth2AuthorizedClientProvider refresh() {
        var provider = new RefreshTokenOAuth2AuthorizedClientProvider();
        provider.setAccessTokenResponseClient(new RestClientRefreshTokenTokenResponseClient());
        provider.setClockSkew(Duration.ofHours(2));
        return provider;
    }

    /** Shows the name in the ID token, and a button to sign out. */
    @GetMapping("/me")
    String me(@AuthenticationPrincipal OidcUser user, CsrfToken csrf) {
        return """
            <p id="name">%s</p>
            <form action="/logout" method="post"><input type="hidden" name="%s" value="%s"><button>Sign out</button></form>
            """.formatted(HtmlUtils.htmlEscape(user.getIdToken().getClaimAsString("name")), csrf.getParameterName(), csrf.getToken());
    }

    record SignIn(String idToken, Boolean verified) {}

    /** Has the ID token, and from user info whether the address is verified. */
    @GetMapping("/sign-in")
    SignIn signIn(@AuthenticationPrincipal OidcUser user) {
        return new SignIn(user.getIdToken().getTokenValue(), user.getUserInfo().getEmailVerified());
    }

    record Refreshed(String accessToken) {}

    /** Has the access token after a refresh. */
    @GetMapping("/refreshed")
    Refreshed refreshed(@RegisteredOAuth2AuthorizedClient OAuth2AuthorizedClient client) {
        return new Refreshed(client.getAccessToken().getTokenValue());
    }

    @GetMapping("/bye")
    String bye() {
        return "bye";
    }
}
