package identity

import "strings"

// The texts of messages where a pool has none of its own. The English texts are the service's,
// except for those of a reset, of a link (unsure) and of notices. Pools that are held to the
// service's behaviour send the English ones. Safe pools send them in the language of the user's
// attribute locale, if it is one of those here.
//
// {pool} is the name of the pool, and {time} is when a change was made.

// A wording is the text of a message.
type wording struct{ subject, body string }

// linkWords is the key of the text with a link. It is no kind of message.
const linkWords MessageKind = "link"

// welcomeWords is the key of the text of an invitation without a password. It is no kind of message.
const welcomeWords MessageKind = "welcome"

// A language has the texts of all messages.
type language struct {
	time  string // the layout of {time}
	words map[MessageKind]wording
}

// languages are found by the first part of a locale.
var languages = map[string]*language{"de": german, "en": english, "es": spanish, "fr": french, "ja": japanese, "pt": portuguese}

// languageOf is the language that a pool writes to a user in.
func languageOf(s *PoolSettings, u *User) *language {
	if s.Defaults != SafeDefaults {
		return english
	}
	first, _, _ := strings.Cut(strings.ReplaceAll(u.Attributes["locale"], "_", "-"), "-")
	if l := languages[strings.ToLower(first)]; l != nil {
		return l
	}
	return english
}

// wordsFor is the text of a message to a user where the pool has none. Codes that verify an
// address have one text, whatever they are sent for.
func wordsFor(s *PoolSettings, u *User, kind MessageKind) wording {
	switch {
	case kind == MessageSignUpCodeAgain, kind == MessageNewAddressCode, kind == MessageAddressCode,
		kind == MessageResetCode && s.Defaults != SafeDefaults:
		kind = MessageSignUpCode
	}
	return languageOf(s, u).words[kind]
}

var english = &language{"2 January 2006 at 15:04 UTC", map[MessageKind]wording{
	MessageSignUpCode: {"Your verification code", "Your verification code is {####}"},
	MessageResetCode:  {"Choose a new password", "Your code to choose a new password is {####}. If you did not ask for it, you need not do anything."},
	MessageFactorCode: {"Your authentication code", "Your authentication code is {####}."},
	MessageInvitation: {"Your temporary password", "Your username is {username} and temporary password is {####}."},
	welcomeWords:      {"Your account", "Your username is {username}."},
	linkWords:         {"Your verification link", "Please click the link below to verify your email address. {##Verify Email##}"},
	MessagePasswordChanged: {
		"Your password was changed",
		"The password of your account at {pool} was changed on {time}. If this was not you, reset your password now and ask for help.",
	},
	MessageFactorChanged: {
		"Your second factor was changed",
		"The second factor of your account at {pool} was changed on {time}. If this was not you, change your password now and ask for help.",
	},
	MessagePasskeyAdded: {
		"A passkey was added to your account",
		"A passkey was added to your account at {pool} on {time}. Whoever has it can sign in. If this was not you, delete it now, change your password and ask for help.",
	},
	MessagePasskeyRemoved: {
		"A passkey was removed from your account",
		"A passkey was removed from your account at {pool} on {time}. If this was not you, change your password now and ask for help.",
	},
	MessageAddressChanged: {
		"The address of your account was changed",
		"Your account at {pool} no longer has this address since {time}. If this was not you, ask for help.",
	},
	MessageRecoveryCodeUsed: {
		"A recovery code was used",
		"Your account at {pool} was signed in to on {time} with a recovery code, in place of the second factor. If this was not you, change your password now and ask for help.",
	},
	MessageIdentityLinked: {
		"A sign-in by another provider was added to your account",
		"Since {time}, an identity provider can sign you in to your account at {pool}. If this was not you, remove it from your account now, change your password and ask for help.",
	},
	MessageIdentityUnlinked: {
		"A way to sign in was removed from your account",
		"A way to sign in to your account at {pool} was removed on {time}. If this was not you, change your password now and ask for help.",
	},
	MessageNewDevice: {
		"A new sign-in to your account",
		"Your account at {pool} was signed in to on {time} from a device or a place that was not used before. If this was not you, change your password now and ask for help.",
	},
	MessageAccountExists: {
		"You already have an account",
		"On {time} somebody signed up at {pool} with this address, which already has an account. " +
			"If this was you, sign in, or reset your password if you have forgotten it. If it was not you, you need not do anything.",
	},
}}

var german = &language{"02.01.2006 um 15:04 UTC", map[MessageKind]wording{
	MessageSignUpCode: {"Ihr Bestätigungscode", "Ihr Bestätigungscode lautet {####}."},
	MessageResetCode:  {"Neues Passwort wählen", "Ihr Code für ein neues Passwort lautet {####}. Wenn Sie ihn nicht angefordert haben, müssen Sie nichts tun."},
	MessageFactorCode: {"Ihr Anmeldecode", "Ihr Anmeldecode lautet {####}."},
	MessageInvitation: {"Ihr vorläufiges Passwort", "Ihr Benutzername ist {username} und Ihr vorläufiges Passwort lautet {####}."},
	welcomeWords:      {"Ihr Konto", "Ihr Benutzername ist {username}."},
	linkWords:         {"Ihr Bestätigungslink", "Bitte klicken Sie auf den folgenden Link, um Ihre E-Mail-Adresse zu bestätigen. {##E-Mail-Adresse bestätigen##}"},
	MessagePasswordChanged: {
		"Ihr Passwort wurde geändert",
		"Das Passwort Ihres Kontos bei {pool} wurde am {time} geändert. Wenn Sie das nicht waren, setzen Sie Ihr Passwort jetzt zurück und bitten Sie um Hilfe.",
	},
	MessageFactorChanged: {
		"Ihr zweiter Faktor wurde geändert",
		"Der zweite Faktor Ihres Kontos bei {pool} wurde am {time} geändert. Wenn Sie das nicht waren, ändern Sie jetzt Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessagePasskeyAdded: {
		"Neuer Passkey für Ihr Konto",
		"Ihrem Konto bei {pool} wurde am {time} ein Passkey hinzugefügt. Wer ihn hat, kann sich anmelden. Wenn Sie das nicht waren, löschen Sie ihn jetzt, ändern Sie Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessagePasskeyRemoved: {
		"Ein Passkey Ihres Kontos wurde gelöscht",
		"Ein Passkey Ihres Kontos bei {pool} wurde am {time} gelöscht. Wenn Sie das nicht waren, ändern Sie jetzt Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessageAddressChanged: {
		"Die Adresse Ihres Kontos wurde geändert",
		"Ihr Konto bei {pool} hat diese Adresse seit dem {time} nicht mehr. Wenn Sie das nicht waren, bitten Sie um Hilfe.",
	},
	MessageRecoveryCodeUsed: {
		"Ein Wiederherstellungscode wurde verwendet",
		"Am {time} gab es eine Anmeldung bei Ihrem Konto bei {pool} mit einem Wiederherstellungscode statt des zweiten Faktors. Wenn Sie das nicht waren, ändern Sie jetzt Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessageIdentityLinked: {
		"Ihr Konto wurde mit einem Anbieter verknüpft",
		"Seit dem {time} kann Sie ein Identitätsanbieter bei Ihrem Konto bei {pool} anmelden. Wenn Sie das nicht waren, entfernen Sie ihn jetzt aus Ihrem Konto, ändern Sie Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessageIdentityUnlinked: {
		"Eine Anmeldemöglichkeit wurde entfernt",
		"Am {time} wurde eine Möglichkeit entfernt, sich bei Ihrem Konto bei {pool} anzumelden. Wenn Sie das nicht waren, ändern Sie jetzt Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessageNewDevice: {
		"Neue Anmeldung bei Ihrem Konto",
		"Am {time} gab es eine Anmeldung bei Ihrem Konto bei {pool} von einem neuen Gerät oder Ort. Wenn Sie das nicht waren, ändern Sie jetzt Ihr Passwort und bitten Sie um Hilfe.",
	},
	MessageAccountExists: {
		"Sie haben bereits ein Konto",
		"Am {time} wollte sich jemand bei {pool} mit dieser Adresse registrieren, zu der es bereits ein Konto gibt. " +
			"Wenn Sie das waren, melden Sie sich an, oder setzen Sie Ihr Passwort zurück, falls Sie es vergessen haben. Wenn nicht, müssen Sie nichts tun.",
	},
}}

var spanish = &language{"02/01/2006 a las 15:04 UTC", map[MessageKind]wording{
	MessageSignUpCode: {"Su código de verificación", "Su código de verificación es {####}."},
	MessageResetCode:  {"Elija una nueva contraseña", "Su código para elegir una nueva contraseña es {####}. Si no lo ha solicitado, no tiene que hacer nada."},
	MessageFactorCode: {"Su código de inicio de sesión", "Su código de inicio de sesión es {####}."},
	MessageInvitation: {"Su contraseña temporal", "Su nombre de usuario es {username} y su contraseña temporal es {####}."},
	welcomeWords:      {"Su cuenta", "Su nombre de usuario es {username}."},
	linkWords:         {"Su enlace de verificación", "Haga clic en el siguiente enlace para verificar su dirección de correo electrónico. {##Verificar correo electrónico##}"},
	MessagePasswordChanged: {
		"Se ha cambiado su contraseña",
		"La contraseña de su cuenta en {pool} se cambió el {time}. Si no ha sido usted, restablezca su contraseña ahora y pida ayuda.",
	},
	MessageFactorChanged: {
		"Se ha cambiado su segundo factor",
		"El segundo factor de su cuenta en {pool} se cambió el {time}. Si no ha sido usted, cambie su contraseña ahora y pida ayuda.",
	},
	MessagePasskeyAdded: {
		"Se ha añadido una clave de acceso a su cuenta",
		"El {time} se añadió una clave de acceso a su cuenta en {pool}. Quien la tenga puede iniciar sesión. Si no ha sido usted, elimínela ahora, cambie su contraseña y pida ayuda.",
	},
	MessagePasskeyRemoved: {
		"Se ha eliminado una clave de acceso de su cuenta",
		"El {time} se eliminó una clave de acceso de su cuenta en {pool}. Si no ha sido usted, cambie su contraseña ahora y pida ayuda.",
	},
	MessageAddressChanged: {
		"Se ha cambiado la dirección de su cuenta",
		"Su cuenta en {pool} ya no tiene esta dirección desde el {time}. Si no ha sido usted, pida ayuda.",
	},
	MessageRecoveryCodeUsed: {
		"Se ha usado un código de recuperación",
		"El {time} se inició sesión en su cuenta en {pool} con un código de recuperación en lugar del segundo factor. Si no ha sido usted, cambie su contraseña ahora y pida ayuda.",
	},
	MessageIdentityLinked: {
		"Su cuenta se ha vinculado a un proveedor",
		"Desde el {time}, un proveedor de identidad puede iniciar sesión en su cuenta en {pool}. Si no ha sido usted, quítelo de su cuenta ahora, cambie su contraseña y pida ayuda.",
	},
	MessageIdentityUnlinked: {
		"Se ha eliminado una forma de iniciar sesión",
		"El {time} se eliminó una forma de iniciar sesión en su cuenta en {pool}. Si no ha sido usted, cambie su contraseña ahora y pida ayuda.",
	},
	MessageNewDevice: {
		"Nuevo inicio de sesión en su cuenta",
		"El {time} se inició sesión en su cuenta en {pool} desde un dispositivo o un lugar que no se había usado antes. Si no ha sido usted, cambie su contraseña ahora y pida ayuda.",
	},
	MessageAccountExists: {
		"Ya tiene una cuenta",
		"El {time} alguien intentó registrarse en {pool} con esta dirección, que ya tiene una cuenta. " +
			"Si ha sido usted, inicie sesión o, si ha olvidado su contraseña, restablézcala. Si no ha sido usted, no tiene que hacer nada.",
	},
}}

var french = &language{"02/01/2006 à 15:04 UTC", map[MessageKind]wording{
	MessageSignUpCode: {"Votre code de vérification", "Votre code de vérification est {####}."},
	MessageResetCode:  {"Choisissez un nouveau mot de passe", "Votre code pour choisir un nouveau mot de passe est {####}. Si vous ne l'avez pas demandé, vous n'avez rien à faire."},
	MessageFactorCode: {"Votre code de connexion", "Votre code de connexion est {####}."},
	MessageInvitation: {"Votre mot de passe temporaire", "Votre nom d'utilisateur est {username} et votre mot de passe temporaire est {####}."},
	welcomeWords:      {"Votre compte", "Votre nom d'utilisateur est {username}."},
	linkWords:         {"Votre lien de vérification", "Cliquez sur le lien ci-dessous pour vérifier votre adresse e-mail. {##Vérifier mon adresse e-mail##}"},
	MessagePasswordChanged: {
		"Votre mot de passe a été modifié",
		"Le mot de passe de votre compte {pool} a été modifié le {time}. Si ce n'était pas vous, réinitialisez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessageFactorChanged: {
		"Votre second facteur a été modifié",
		"Le second facteur de votre compte {pool} a été modifié le {time}. Si ce n'était pas vous, changez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessagePasskeyAdded: {
		"Une clé d'accès a été ajoutée à votre compte",
		"Une clé d'accès a été ajoutée à votre compte {pool} le {time}. Quiconque la possède peut se connecter. Si ce n'était pas vous, supprimez-la dès maintenant, changez votre mot de passe et demandez de l'aide.",
	},
	MessagePasskeyRemoved: {
		"Une clé d'accès de votre compte a été supprimée",
		"Une clé d'accès de votre compte {pool} a été supprimée le {time}. Si ce n'était pas vous, changez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessageAddressChanged: {
		"L'adresse de votre compte a été modifiée",
		"Votre compte {pool} n'a plus cette adresse depuis le {time}. Si ce n'était pas vous, demandez de l'aide.",
	},
	MessageRecoveryCodeUsed: {
		"Un code de récupération a été utilisé",
		"Le {time}, une connexion à votre compte {pool} a eu lieu avec un code de récupération à la place du second facteur. Si ce n'était pas vous, changez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessageIdentityLinked: {
		"Votre compte a été lié à un fournisseur",
		"Depuis le {time}, un fournisseur d'identité permet de se connecter à votre compte {pool}. Si ce n'était pas vous, retirez-le de votre compte, changez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessageIdentityUnlinked: {
		"Un moyen de connexion a été supprimé",
		"Le {time}, un moyen de se connecter à votre compte {pool} a été supprimé. Si ce n'était pas vous, changez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessageNewDevice: {
		"Nouvelle connexion à votre compte",
		"Le {time}, une connexion à votre compte {pool} a eu lieu depuis un appareil ou un lieu qui n'avait pas encore été utilisé. " + //nolint:misspell // French
			"Si ce n'était pas vous, changez votre mot de passe dès maintenant et demandez de l'aide.",
	},
	MessageAccountExists: {
		"Vous avez déjà un compte",
		"Le {time}, quelqu'un a tenté de s'inscrire sur {pool} avec cette adresse, qui a déjà un compte. " +
			"Si c'était vous, connectez-vous, ou réinitialisez votre mot de passe si vous l'avez oublié. Sinon, vous n'avez rien à faire.",
	},
}}

var japanese = &language{"2006年1月2日 15:04 UTC", map[MessageKind]wording{
	MessageSignUpCode: {"確認コード", "確認コードは {####} です。"},
	MessageResetCode:  {"新しいパスワードの設定", "新しいパスワードを設定するためのコードは {####} です。お心当たりがない場合は、何もする必要はありません。"},
	MessageFactorCode: {"認証コード", "認証コードは {####} です。"},
	MessageInvitation: {"仮パスワードのお知らせ", "ユーザー名は {username}、仮パスワードは {####} です。"},
	welcomeWords:      {"アカウントのお知らせ", "ユーザー名は {username} です。"},
	linkWords:         {"メールアドレスの確認", "次のリンクをクリックして、メールアドレスを確認してください。{##メールアドレスを確認する##}"},
	MessagePasswordChanged: {
		"パスワードが変更されました",
		"{pool} のアカウントのパスワードが {time} に変更されました。お心当たりがない場合は、すぐにパスワードを再設定し、サポートにご連絡ください。",
	},
	MessageFactorChanged: {
		"2 要素認証の設定が変更されました",
		"{pool} のアカウントの 2 要素認証の設定が {time} に変更されました。お心当たりがない場合は、すぐにパスワードを変更し、サポートにご連絡ください。",
	},
	MessagePasskeyAdded: {
		"アカウントにパスキーが追加されました",
		"{pool} のアカウントに {time} にパスキーが追加されました。このパスキーを持つ人はサインインできます。お心当たりがない場合は、すぐに削除してパスワードを変更し、サポートにご連絡ください。",
	},
	MessagePasskeyRemoved: {
		"アカウントのパスキーが削除されました",
		"{pool} のアカウントのパスキーが {time} に削除されました。お心当たりがない場合は、すぐにパスワードを変更し、サポートにご連絡ください。",
	},
	MessageAddressChanged: {
		"アカウントの連絡先が変更されました",
		"{pool} のアカウントの連絡先が {time} に変更され、この宛先は使われなくなりました。お心当たりがない場合は、サポートにご連絡ください。",
	},
	MessageRecoveryCodeUsed: {
		"リカバリーコードが使用されました",
		"{time} に、2 要素認証の代わりにリカバリーコードを使用した {pool} のアカウントへのサインインがありました。お心当たりがない場合は、すぐにパスワードを変更し、サポートにご連絡ください。",
	},
	MessageIdentityLinked: {
		"アカウントに外部サービスが連携されました",
		"{time} から、外部の ID プロバイダーで {pool} のアカウントにサインインできるようになりました。お心当たりがない場合は、すぐに連携を解除してパスワードを変更し、サポートにご連絡ください。",
	},
	MessageIdentityUnlinked: {
		"サインイン方法が削除されました",
		"{time} に {pool} のアカウントのサインイン方法が一つ削除されました。お心当たりがない場合は、すぐにパスワードを変更し、サポートにご連絡ください。",
	},
	MessageNewDevice: {
		"アカウントへの新しいサインイン",
		"{time} に、これまで使われていない端末または場所から {pool} のアカウントへのサインインがありました。お心当たりがない場合は、すぐにパスワードを変更し、サポートにご連絡ください。",
	},
	MessageAccountExists: {
		"すでにアカウントをお持ちです",
		"{time} に、この宛先で {pool} に登録しようとした方がいますが、この宛先のアカウントはすでにあります。" +
			"ご本人の場合は、サインインするか、パスワードをお忘れであれば再設定してください。お心当たりがない場合は、何もする必要はありません。",
	},
}}

var portuguese = &language{"02/01/2006 às 15:04 UTC", map[MessageKind]wording{
	MessageSignUpCode: {"Seu código de verificação", "Seu código de verificação é {####}."},
	MessageResetCode:  {"Escolha uma nova senha", "Seu código para escolher uma nova senha é {####}. Se você não o solicitou, não precisa fazer nada."},
	MessageFactorCode: {"Seu código de acesso", "Seu código de acesso é {####}."},
	MessageInvitation: {"Sua senha temporária", "Seu nome de usuário é {username} e sua senha temporária é {####}."},
	welcomeWords:      {"Sua conta", "Seu nome de usuário é {username}."},
	linkWords:         {"Seu link de verificação", "Clique no link abaixo para verificar seu endereço de e-mail. {##Verificar e-mail##}"},
	MessagePasswordChanged: {
		"Sua senha foi alterada",
		"A senha da sua conta em {pool} foi alterada em {time}. Se não foi você, redefina sua senha agora e peça ajuda.",
	},
	MessageFactorChanged: {
		"Seu segundo fator foi alterado",
		"O segundo fator da sua conta em {pool} foi alterado em {time}. Se não foi você, altere sua senha agora e peça ajuda.",
	},
	MessagePasskeyAdded: {
		"Uma chave de acesso foi adicionada à sua conta",
		"Uma chave de acesso foi adicionada à sua conta em {pool} em {time}. Quem a tiver pode entrar na conta. Se não foi você, exclua-a agora, altere sua senha e peça ajuda.",
	},
	MessagePasskeyRemoved: {
		"Uma chave de acesso da sua conta foi excluída",
		"Uma chave de acesso da sua conta em {pool} foi excluída em {time}. Se não foi você, altere sua senha agora e peça ajuda.",
	},
	MessageAddressChanged: {
		"O endereço da sua conta foi alterado",
		"Sua conta em {pool} não tem mais este endereço desde {time}. Se não foi você, peça ajuda.",
	},
	MessageRecoveryCodeUsed: {
		"Um código de recuperação foi usado",
		"Sua conta em {pool} foi acessada em {time} com um código de recuperação em vez do segundo fator. Se não foi você, altere sua senha agora e peça ajuda.",
	},
	MessageIdentityLinked: {
		"Sua conta foi vinculada a um provedor",
		"Desde {time}, um provedor de identidade pode acessar sua conta em {pool}. Se não foi você, remova-o da sua conta agora, altere sua senha e peça ajuda.",
	},
	MessageIdentityUnlinked: {
		"Uma forma de acesso foi removida da sua conta",
		"Uma forma de acessar sua conta em {pool} foi removida em {time}. Se não foi você, altere sua senha agora e peça ajuda.",
	},
	MessageNewDevice: {
		"Novo acesso à sua conta",
		"Sua conta em {pool} foi acessada em {time} de um dispositivo ou lugar que não havia sido usado antes. Se não foi você, altere sua senha agora e peça ajuda.",
	},
	MessageAccountExists: {
		"Você já tem uma conta",
		"Em {time} alguém tentou se cadastrar em {pool} com este endereço, que já tem uma conta. " +
			"Se foi você, entre na conta ou, se esqueceu sua senha, redefina-a. Se não foi você, não precisa fazer nada.",
	},
}}
