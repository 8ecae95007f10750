package cognito

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// The words of the page /confirmUser, in the languages that mails have. The browser says which, so
// that the page of a link that is not valid is the same whoever the link names.

// linkWords are the words of the page in a language.
type linkWords struct {
	lang                         string
	confirmed, noLink, busy, ask words
	button                       string
}

// page is a page without a button.
func (l *linkWords) page(w words) *linkPage {
	return &linkPage{Lang: l.lang, Title: w.title, Text: w.text, Button: l.button}
}

type words struct{ title, text string }

var linkLanguages = map[string]*linkWords{"de": linkGerman, "en": linkEnglish, "es": linkSpanish, "fr": linkFrench, "ja": linkJapanese, "pt": linkPortuguese}

var linkEnglish = &linkWords{
	lang:      "en",
	confirmed: words{"Confirmed", "Your account is confirmed. You can sign in now."},
	noLink:    words{"This link is not valid", "The link may be too old, or used already. If you have confirmed your account, sign in. Otherwise ask for a new message."},
	busy:      words{"Please try again", "The link could not be checked. Try again in a few minutes."},
	ask:       words{"Confirm your account", "Press the button to confirm your account."},
	button:    "Confirm",
}

var linkGerman = &linkWords{
	lang:      "de",
	confirmed: words{"Bestätigt", "Ihr Konto ist bestätigt. Sie können sich jetzt anmelden."},
	noLink:    words{"Dieser Link ist ungültig", "Der Link ist vielleicht zu alt oder wurde schon benutzt. Wenn Sie Ihr Konto bestätigt haben, melden Sie sich an. Fordern Sie sonst eine neue Nachricht an."},
	busy:      words{"Bitte versuchen Sie es noch einmal", "Der Link konnte nicht geprüft werden. Versuchen Sie es in einigen Minuten noch einmal."},
	ask:       words{"Konto bestätigen", "Klicken Sie auf die Schaltfläche, um Ihr Konto zu bestätigen."},
	button:    "Bestätigen",
}

var linkSpanish = &linkWords{
	lang:      "es",
	confirmed: words{"Confirmada", "Su cuenta está confirmada. Ya puede iniciar sesión."},
	noLink:    words{"Este enlace no es válido", "Es posible que el enlace sea demasiado antiguo o que ya se haya usado. Si ha confirmado su cuenta, inicie sesión. Si no, solicite un mensaje nuevo."},
	busy:      words{"Inténtelo de nuevo", "No se ha podido comprobar el enlace. Inténtelo de nuevo dentro de unos minutos."},
	ask:       words{"Confirme su cuenta", "Pulse el botón para confirmar su cuenta."},
	button:    "Confirmar",
}

var linkFrench = &linkWords{
	lang:      "fr",
	confirmed: words{"Confirmé", "Votre compte est confirmé. Vous pouvez maintenant vous connecter."},
	noLink:    words{"Ce lien n'est pas valide", "Le lien est peut-être trop ancien ou a déjà été utilisé. Si vous avez confirmé votre compte, connectez-vous. Sinon, demandez un nouveau message."},
	busy:      words{"Veuillez réessayer", "Le lien n'a pas pu être vérifié. Réessayez dans quelques minutes."},
	ask:       words{"Confirmez votre compte", "Appuyez sur le bouton pour confirmer votre compte."},
	button:    "Confirmer",
}

var linkJapanese = &linkWords{
	lang:      "ja",
	confirmed: words{"確認が完了しました", "アカウントが確認されました。サインインできます。"},
	noLink:    words{"このリンクは無効です", "リンクの有効期限が切れているか、すでに使用されている可能性があります。アカウントが確認済みの場合は、サインインしてください。そうでない場合は、新しいメッセージを請求してください。"},
	busy:      words{"もう一度お試しください", "リンクを確認できませんでした。数分後にもう一度お試しください。"},
	ask:       words{"アカウントの確認", "ボタンを押して、アカウントを確認してください。"},
	button:    "確認する",
}

var linkPortuguese = &linkWords{
	lang:      "pt",
	confirmed: words{"Confirmada", "Sua conta está confirmada. Você já pode entrar."},
	noLink:    words{"Este link não é válido", "O link pode ser antigo demais ou já ter sido usado. Se você confirmou sua conta, entre. Caso contrário, solicite uma nova mensagem."},
	busy:      words{"Tente novamente", "Não foi possível verificar o link. Tente novamente em alguns minutos."},
	ask:       words{"Confirme sua conta", "Pressione o botão para confirmar sua conta."},
	button:    "Confirmar",
}

// maxLanguages is how many languages of a request are looked at.
const maxLanguages = 20

// linkWordsFor are the words in the language that a browser likes best, among those that there are.
func linkWordsFor(r *http.Request) *linkWords {
	best, weight := linkEnglish, 0.0
	for i, part := range strings.SplitN(r.Header.Get("Accept-Language"), ",", maxLanguages+1) {
		if i == maxLanguages {
			break
		}
		tag, q, weighted := strings.Cut(strings.TrimSpace(part), ";")
		first, _, _ := strings.Cut(strings.TrimSpace(tag), "-")
		w := linkLanguages[strings.ToLower(first)]
		if w == nil {
			continue
		}
		n := 1.0
		if weighted {
			n, _ = strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(q), "q="), 64) // 0 if it is malformed
		}
		if cmp.Compare(n, weight) > 0 && n <= 1 {
			best, weight = w, n
		}
	}
	return best
}
