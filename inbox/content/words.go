package content

// The words mail programs use around quotes, in lower case. They are constants in all but name.

// writeVerbs are the verbs that end an introduction.
var writeVerbs = []string{
	"wrote", "writes", // en
	"schrieb", "geschrieben", // de
	"a écrit", "a ecrit", "écrit", // fr
	"escribió", "escribio", "escribía", // es
	"ha scritto", "scrive", // it
	"escreveu",              // pt
	"schreef", "geschreven", // nl
	"napisał", "pisze", // pl
	"пишет", "написал", "писал", "пише", // ru, uk
	"写道", "寫道", "写到", "写了", // zh
	"のメール", "書きました", "書いた", "wrote", // ja
	"작성", "님이", // ko
	"skrev",             // sv, da, no
	"kirjoitti",         // fi
	"napsal", "napísal", // cs, sk
	"írta",               // hu
	"a scris",            // ro
	"yazdı",              // tr
	"έγραψε",             // el
	"написа",             // bg
	"đã viết", "menulis", // vi, id
}

// introOpenings begin an introduction.
var introOpenings = []string{
	"on ", "am ", "le ", "el ", "il ", "em ", "a ", "op ", "w dniu ", "dnia ", "den ", "på ", "på ", "dne ", "la ",
	"mon, ", "tue, ", "wed, ", "thu, ", "fri, ", "sat, ", "sun, ", "monday", "tuesday", "wednesday", "thursday",
	"friday", "saturday", "sunday", "mo., ", "di., ", "mi., ", "do., ", "fr., ", "sa., ", "so., ",
	"lun", "mar", "mer", "gio", "jeu", "ven", "sab", "sam", "dom", "dim", "jue", "vie", "sáb", "mié", "seg", "ter", "qua",
	"qui", "sex", "pon", "wt.", "śr.", "czw", "pt.", "sob", "niedz",
	"пн", "вт", "ср", "чт", "пт", "сб", "вс", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота",
	"воскресенье", "от:", "在 ", "在2", "于 ", "于2", "at 2",
}

// originalWords stand between dashes above a quoted mail.
var originalWords = []string{
	"original message", "original email", "original appointment", "forwarded message", "forwarded by", "reply message",
	"ursprüngliche nachricht", "originalnachricht", "original-nachricht", "ursprüngliche mail", "weitergeleitete nachricht",
	"message d'origine", "message d’origine", "message original", "message initial", "message transféré", "courriel original",
	"mensaje original", "mensaje reenviado", "mensaje enviado",
	"messaggio originale", "messaggio inoltrato", "messaggio originario", "forwarded message",
	"mensagem original", "mensagem encaminhada", "mensagem de origem",
	"oorspronkelijk bericht", "origineel bericht", "doorgestuurd bericht",
	"wiadomość oryginalna", "oryginalna wiadomość", "treść oryginalnej", "treść przekazanej", "przekazana wiadomość", "wiadomość przekazana",
	"исходное сообщение", "пересылаемое сообщение", "пересланное сообщение", "перенаправленное сообщение", "оригинальное сообщение", "исходное письмо",
	"原始邮件", "原始郵件", "原邮件", "原郵件", "回复的原邮件", "回复邮件", "转发邮件", "转发的邮件", "轉寄郵件", "轉寄的郵件", "邮件原件", "发送邮件",
	"元のメッセージ", "転送メッセージ", "転送されたメッセージ", "original", "原文",
	"원본 메일", "원본 메시지", "전달된 메시지",
	"ursprungligt meddelande", "opprinnelig melding", "oprindelig meddelelse", "alkuperäinen viesti", "původní zpráva",
	"původní e-mail", "eredeti üzenet", "mesaj original", "orijinal mesaj", "iletilen mesaj", "αρχικό μήνυμα",
}

// forwardLines introduce a forwarded mail without dashes; they end with a colon.
var forwardLines = []string{
	"begin forwarded message", "anfang der weitergeleiteten nachricht", "début du message transféré",
	"début du message réexpédié", "inizio messaggio inoltrato", "inicio del mensaje reenviado",
	"início da mensagem encaminhada", "begin doorgestuurd bericht", "początek przekazywanej wiadomości",
	"начало переадресованного сообщения", "начало пересылаемого сообщения", "以下是转发的邮件", "以下是轉寄的郵件",
	"転送されたメッセージ", "vidarebefordrat meddelande",
}

// headerWords are the names of mail headers as mail programs translate them.
var headerWords = map[string]string{
	"from": "from", "sent": "date", "date": "date", "to": "to", "subject": "subject", "cc": "copy", "reply-to": "copy",
	"von": "from", "gesendet": "date", "datum": "date", "an": "to", "betreff": "subject", "kopie": "copy",
	"de": "from", "envoyé": "date", "à": "to", "objet": "subject", "expéditeur": "from", "destinataire": "to", "date d'envoi": "date",
	"enviado": "date", "enviado el": "date", "fecha": "date", "para": "to", "asunto": "subject",
	"da": "from", "inviato": "date", "data": "date", "a": "to", "oggetto": "subject",
	"enviada em": "date", "enviado em": "date", "enviada": "date", "assunto": "subject",
	"van": "from", "verzonden": "date", "verstuurd": "date", "aan": "to", "onderwerp": "subject",
	"od": "from", "wysłano": "date", "wysłane": "date", "do": "to", "dw": "copy", "temat": "subject",
	"от": "from", "от кого": "from", "отправлено": "date", "дата": "date", "кому": "to", "тема": "subject", "копия": "copy",
	"发件人": "from", "发送时间": "date", "发送日期": "date", "日期": "date", "收件人": "to", "抄送": "copy", "主题": "subject", "时间": "date",
	"發件人": "from", "寄件者": "from", "寄件人": "from", "傳送時間": "date", "收件者": "to", "副本": "copy", "主旨": "subject", "主題": "subject",
	"差出人": "from", "送信日時": "date", "日時": "date", "送信者": "from", "宛先": "to", "件名": "subject",
	"보낸 사람": "from", "보낸 날짜": "date", "날짜": "date", "받는 사람": "to", "제목": "subject",
	"från": "from", "skickat": "date", "till": "to", "ämne": "subject",
	"fra": "from", "sendt": "date", "til": "to", "emne": "subject",
	"lähettäjä": "from", "lähetetty": "date", "vastaanottaja": "to", "aihe": "subject",
	"odesílatel": "from", "odesláno": "date", "komu": "to", "předmět": "subject",
	"feladó": "from", "elküldve": "date", "címzett": "to", "tárgy": "subject",
	"kimden": "from", "gönderen": "from", "tarih": "date", "gönderildi": "date", "kime": "to", "konu": "subject",
	"від": "from", "надіслано": "date",
}

// farewells begin or end a line that a phone or mail program adds; one of devices must be in it too.
var farewells = []string{
	"sent from ", "get outlook ", "sent with ", "sent using ", "sent via ",
	"gesendet von ", "gesendet mit ", "von meinem ", "diese nachricht wurde von meinem ", "outlook für ", "outlook fuer ",
	"envoyé de ", "envoyé depuis ", "envoyé à partir ", "télécharger ", "obtenir ",
	"enviado desde ", "obtener ", "enviado do ", "enviado de ", "enviado a partir ", "obter ", "enviado com ",
	"inviato da ", "inviato dal ", "inviato con ", "scarica ", "ottieni ",
	"отправлено с ", "отправлено из ", "отправлено от ", "скачать ", "надіслано з ",
	"发自", "发送自", "發自", "從我的", "从我的", "寄自", "获取适用于", "取得適用於", "来自我的",
	"wysłane z ", "wysłano z ", "pobierz ", "verzonden vanaf ", "verzonden met ", "verstuurd vanaf ", "outlook voor ",
	"download ", "skickat från ", "sendt fra ", "lähetetty ", "odesláno z ", "나의 ",
}

// farewellEnds end such a line.
var farewellEnds = []string{"から送信", "から送信されました", "発送", "gesendet", "发送", "傳送", "에서 보냄"}

// devices are the phones and mail programs such a line speaks of.
var devices = []string{
	"iphone", "ipad", "ipod", "ios", "android", "samsung", "galaxy", "huawei", "honor", "xiaomi", "redmi", "oppo", "pixel",
	"blackberry", "nokia", "smartphone", "my phone", "mobile device", "my mobile", "windows", "outlook", "yahoo", "aol",
	"proton", "gmail", "gmx", "web.de", "mail app", "mymail", "mail.ru", "telefon", "téléphone", "teléfono", "handy",
	"мобильн", "телефон", "приложени", "яндекс", "смартфон", "手机", "手機", "网易", "網易", "邮箱", "郵箱", "qq", "スマートフォン", "tablet",
	"cellulare", "dispositivo", "móvil", "celular", "mobil", "mobiltelefon", "thunderbird", "spark", "fairmail", "bluemail",
}
