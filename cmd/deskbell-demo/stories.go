package main

// story is something customers write about. {order}, {item} and {name} are filled in.
type story struct {
	subject, text string
	follow        string // what the customer says to the first answer; "" = thanks at once
	picture       bool
}

// tongue is how customers of one language write.
type tongue struct {
	stories []story
	thanks  []string
	away    string // an out-of-office note
	re      string // in front of the subject of an answer
	wrote   string // introduces a quote: {date}, {from}
}

// tongues are the languages customers write in. Every text is made up.
var tongues = map[string]tongue{
	"en": {
		stories: []story{
			{"Where is my order {order}?", "Hello,\n\nI ordered the {item} nine days ago (order {order}) and the tracking page has said \"label created\" ever since. Could you look into it? I need it before the weekend.\n\nKind regards\n{name}",
				"Thank you for looking. If it really is lost I would rather have a new one than my money back. Can it still be here by Friday?", false},
			{"Wrong size", "Hi there,\n\nthe {item} from order {order} came today, but it is the large one, and I had chosen medium. Do I have to pay for sending it back?\n\nBest,\n{name}",
				"Great, please swap it then. I have not opened the inner bag.", true},
			{"Invoice for {order}", "Good morning,\n\ncould you send me an invoice with our company address for order {order}? Our accountant closes the quarter on Wednesday.\n\n{name}",
				"Perfect. One more thing: could the VAT number stand on it as well?", false},
			{"Return of {item}", "Hello,\n\nI would like to return the {item}. It is fine, it just does not fit our room. The order number is {order}. How do I go about it?\n\n{name}",
				"Thanks, the label printed without a problem. How long does the refund usually take?", false},
			{"Just wanted to say thank you", "Dear team,\n\nthe {item} arrived a day early and it is even nicer than in the pictures. The handwritten card made us smile.\n\nAll the best from {name}", "", true},
			{"Arrived broken :(", "Hi,\n\nI just opened the parcel with order {order} and the {item} has a crack down one side. I attach a photo. What happens now?\n\n{name}",
				"That was quick! A replacement would be lovely. Shall I keep the broken one?", true},
			{"Change of address", "Hello, I have just noticed that order {order} still carries our old address. Has it left yet? If not, please send it to 14 Pender Lane instead.\n\nThanks, {name}",
				"Phew. Yes, that is the right postcode.", false},
			{"Question before I buy", "Hi, is the {item} dishwasher safe, and will it be back in green before spring? I looked on the site but could not find it.\n\n{name}",
				"Then I shall wait for the green one. Can you drop me a line when it is there?", false},
		},
		thanks: []string{"That solves it. Thank you so much for the quick help!\n\n{name}", "Brilliant, thank you!\n\n{name}", "All good now, thanks. Have a nice day!\n\n{name}"},
		away:   "Thank you for your message. I am away until Monday and will read it when I am back.\n\n{name}",
		re:     "Re: ", wrote: "On {date}, {from} wrote:",
	},
	"de": {
		stories: []story{
			{"Wo bleibt meine Bestellung {order}?", "Guten Tag,\n\nich warte seit über einer Woche auf {item} (Bestellung {order}). In der Sendungsverfolgung tut sich nichts. Können Sie bitte nachsehen?\n\nMit freundlichen Grüßen\n{name}",
				"Danke für die schnelle Antwort. Wenn das Paket verloren ist, hätte ich lieber Ersatz als mein Geld zurück. Ginge das?", false},
			{"Falsche Größe geliefert", "Hallo,\n\nheute kam {item} an, leider in L statt in M (Bestellung {order}). Wie läuft der Umtausch?\n\nViele Grüße\n{name}",
				"Super, dann bitte umtauschen. Die Verpackung ist noch zu.", true},
			{"Rechnung zu {order}", "Sehr geehrte Damen und Herren,\n\nfür die Bestellung {order} bräuchte ich noch eine Rechnung auf unsere Firma, mit ausgewiesener Mehrwertsteuer.\n\n{name}",
				"Vielen Dank. Könnte noch unsere USt-IdNr. mit darauf?", false},
			{"Rückgabe", "Guten Tag,\n\n{item} passt leider doch nicht in unser Wohnzimmer. Ich möchte es gern zurückgeben, Bestellung {order}. Was muss ich tun?\n\n{name}",
				"Das Etikett ist gedruckt. Wie lange dauert die Erstattung?", false},
			{"Ein großes Lob", "Liebes Team,\n\n{item} ist wunderschön und kam einen Tag früher als gedacht. Wir empfehlen Sie gern weiter!\n\nHerzliche Grüße\n{name}", "", false},
			{"Beschädigt angekommen", "Hallo, beim Auspacken von {item} (Bestellung {order}) habe ich leider einen Riss entdeckt. Ein Foto hängt an. Wie geht es weiter?\n\n{name}",
				"Das ging ja schnell! Ersatz wäre prima. Soll ich das kaputte Stück zurückschicken?", true},
			{"Frage vor dem Kauf", "Hallo, passt in {item} auch ein Leuchtmittel mit 60 Watt? Auf der Seite habe ich nichts dazu gefunden.\n\n{name}",
				"Gut zu wissen. Gibt es dazu auch einen Dimmer von Ihnen?", false},
		},
		thanks: []string{"Wunderbar, damit ist alles geklärt. Vielen Dank!\n\n{name}", "Perfekt, danke für die schnelle Hilfe!\n\n{name}"},
		away:   "Vielen Dank für Ihre Nachricht. Ich bin bis Montag nicht im Büro.\n\n{name}",
		re:     "AW: ", wrote: "Am {date} schrieb {from}:",
	},
	"it": {
		stories: []story{
			{"Ordine {order} non ancora arrivato", "Buongiorno,\n\nho ordinato {item} dieci giorni fa (ordine {order}) e il pacco risulta ancora fermo al deposito. Potete controllare, per favore?\n\nCordiali saluti\n{name}",
				"Grazie mille. Se il pacco è andato perso preferirei riceverne un altro. È possibile entro venerdì?", false},
			{"Taglia sbagliata", "Salve,\n\noggi è arrivato {item}, ma è una L e io avevo scelto una M. Numero d'ordine {order}. Come faccio per il cambio?\n\n{name}",
				"Benissimo, allora procediamo con il cambio.", true},
			{"Fattura per {order}", "Buongiorno, mi servirebbe la fattura dell'ordine {order} intestata alla mia ditta. Ve la chiede il commercialista, non io!\n\n{name}",
				"Perfetto. Potete aggiungere anche il codice destinatario?", false},
			{"Reso di {item}", "Salve, vorrei restituire {item} dell'ordine {order}: bellissimo, ma troppo grande per la nostra cucina. Come devo fare?\n\nGrazie\n{name}",
				"Etichetta stampata. Quanto ci vuole di solito per il rimborso?", false},
			{"Complimenti!", "Gentilissimi,\n\n{item} è arrivato in perfette condizioni ed è ancora più bello dal vivo. Complimenti davvero.\n\n{name}", "", true},
			{"Arrivato rotto", "Buonasera, purtroppo {item} (ordine {order}) è arrivato con una crepa. Allego una foto. Che cosa devo fare?\n\n{name}",
				"Che velocità! Sì, una sostituzione va benissimo. Il pezzo rotto lo tengo?", true},
			{"Una domanda", "Buongiorno, {item} si può mettere in lavastoviglie? Sul sito non l'ho trovato.\n\n{name}", "Grazie, allora lo ordino stasera. Fate anche confezioni regalo?", false},
		},
		thanks: []string{"Tutto risolto, grazie infinite!\n\n{name}", "Perfetto, grazie e buona giornata!\n\n{name}"},
		away:   "Grazie del messaggio. Sono fuori ufficio fino a lunedì.\n\n{name}",
		re:     "R: ", wrote: "Il giorno {date}, {from} ha scritto:",
	},
	"ru": {
		stories: []story{
			{"Где мой заказ {order}?", "Здравствуйте!\n\nЗаказала {item} больше недели назад (номер {order}), а посылка так и не двигается. Подскажите, пожалуйста, где она?\n\nС уважением,\n{name}",
				"Спасибо за ответ. Если посылка потерялась, лучше отправьте новую, деньги возвращать не нужно.", false},
			{"Не тот размер", "Добрый день!\n\nСегодня пришёл {item} по заказу {order}, но размер L, а заказывали M. Как обменять?\n\n{name}",
				"Отлично, тогда давайте обменяем. Упаковку не вскрывали.", true},
			{"Счёт по заказу {order}", "Добрый день! Пришлите, пожалуйста, счёт на организацию по заказу {order}. Бухгалтерия ждёт до среды.\n\n{name}",
				"Спасибо! А можно добавить в счёт наши реквизиты?", false},
			{"Возврат", "Здравствуйте! Хотим вернуть {item} (заказ {order}): вещь хорошая, но нам не подошла. Что для этого нужно?\n\n{name}",
				"Наклейку распечатали. Когда примерно вернутся деньги?", false},
			{"Спасибо вам!", "Очень довольны: {item} приехал на день раньше и выглядит лучше, чем на фото. Спасибо за открытку!\n\n{name}", "", false},
			{"Пришло с трещиной", "Здравствуйте, открыли посылку {order}, а на {item} трещина. Фото приложили. Что делать?\n\n{name}",
				"Как быстро! Да, замена подойдёт. Разбитую вещь отправлять обратно?", true},
		},
		thanks: []string{"Всё получилось, большое спасибо!\n\n{name}", "Спасибо за помощь, хорошего дня!\n\n{name}"},
		away:   "Спасибо за письмо. Я в отпуске до понедельника и отвечу, когда вернусь.\n\n{name}",
		re:     "Re: ", wrote: "{date}, {from} пишет:",
	},
	"zh": {
		stories: []story{
			{"订单 {order} 还没有收到", "您好：\n\n我九天前购买的 {item}（订单号 {order}）一直没有物流更新，能帮我查一下吗？谢谢。\n\n{name}",
				"谢谢您的回复。如果包裹丢失，请直接补发一件，不用退款。", false},
			{"尺码发错了", "您好，今天收到 {item}，订单 {order}。我选的是 M 码，收到的却是 L 码。请问怎么换货？\n\n{name}",
				"好的，那就麻烦换货，包装还没有拆。", true},
			{"需要发票", "您好，请为订单 {order} 开具公司抬头的发票，财务周三要用。\n\n{name}", "收到，可以再加上我们的税号吗？", false},
			{"申请退货", "您好，{item} 质量很好，但是放在家里不太合适，想退货。订单号 {order}，请问怎么操作？\n\n{name}",
				"退货单已经打印好了，退款一般需要几天？", false},
			{"非常满意", "{item} 比照片还漂亮，包装也很用心，谢谢你们！\n\n{name}", "", true},
			{"收到时已损坏", "您好，打开包裹（订单 {order}）发现 {item} 有一道裂纹，照片见附件。请问怎么处理？\n\n{name}",
				"处理得真快！换一个新的就好，坏的需要寄回吗？", true},
		},
		thanks: []string{"问题已经解决，非常感谢！\n\n{name}", "好的，谢谢您的帮助！\n\n{name}"},
		away:   "感谢来信，本人正在休假，周一回复。\n\n{name}",
		re:     "回复：", wrote: "{from} 于 {date} 写道：",
	},
	"es": {
		stories: []story{
			{"¿Dónde está mi pedido {order}?", "Hola:\n\nPedí {item} hace más de una semana (pedido {order}) y el envío no se mueve. ¿Pueden mirarlo, por favor?\n\nUn saludo,\n{name}",
				"Gracias por mirarlo. Si se ha perdido, prefiero que me manden otro.", false},
			{"Factura del pedido {order}", "Buenos días, necesito la factura del pedido {order} a nombre de mi empresa.\n\n{name}", "Perfecto. ¿Puede añadir también el NIF?", false},
			{"Ha llegado roto", "Hola, acabo de abrir el paquete {order} y {item} viene con una grieta. Adjunto una foto.\n\n{name}",
				"¡Qué rapidez! Un cambio me va muy bien, gracias.", true},
			{"Gracias", "Solo quería decirles que {item} ha llegado antes de tiempo y es precioso.\n\n{name}", "", false},
		},
		thanks: []string{"Todo arreglado, ¡muchas gracias!\n\n{name}", "Perfecto, gracias por la ayuda.\n\n{name}"},
		away:   "Gracias por su mensaje. Estoy fuera hasta el lunes.\n\n{name}",
		re:     "RE: ", wrote: "El {date}, {from} escribió:",
	},
}
