package main

import (
	"math/rand/v2"
	"strings"

	"github.com/emersion/go-message/mail"
)

// Names people are put together from: as it is written, and as it stands in the address. All people
// are made up.
var names = map[string]struct{ given, family [][2]string }{
	"en": {
		[][2]string{{"Ada", "ada"}, {"Nora", "nora"}, {"Theo", "theo"}, {"Maisie", "maisie"}, {"Callum", "callum"}, {"Priya", "priya"}, {"Owen", "owen"}, {"Zara", "zara"}},
		[][2]string{{"Pennock", "pennock"}, {"Ashdown", "ashdown"}, {"Larkspur", "larkspur"}, {"Thistlewood", "thistlewood"}, {"Okoro", "okoro"}, {"Whitlock", "whitlock"}, {"Varley", "varley"}},
	},
	"de": {
		[][2]string{{"Jörg", "joerg"}, {"Annika", "annika"}, {"Fritz", "fritz"}, {"Käthe", "kaethe"}, {"Emine", "emine"}, {"Lukas", "lukas"}},
		[][2]string{{"Grünwald", "gruenwald"}, {"Birnbaum", "birnbaum"}, {"Möhring", "moehring"}, {"Kessler", "kessler"}, {"Straßner", "strassner"}},
	},
	"it": {
		[][2]string{{"Nicolò", "nicolo"}, {"Giulia", "giulia"}, {"Ambra", "ambra"}, {"Tullio", "tullio"}, {"Chiara", "chiara"}},
		[][2]string{{"Ferrandi", "ferrandi"}, {"Montelupo", "montelupo"}, {"Salvaterra", "salvaterra"}, {"D'Oria", "doria"}},
	},
	"ru": {
		[][2]string{{"Марина", "marina"}, {"Алёна", "alena"}, {"Ксения", "ksenia"}, {"Вера", "vera"}},
		[][2]string{{"Лесная", "lesnaya"}, {"Орлова", "orlova"}, {"Зимина", "zimina"}, {"Щукина", "shchukina"}},
	},
	"zh": {
		[][2]string{{"李", "li"}, {"王", "wang"}, {"陈", "chen"}, {"林", "lin"}},
		[][2]string{{"小雨", "xiaoyu"}, {"明哲", "mingzhe"}, {"思远", "siyuan"}, {"佳宁", "jianing"}},
	},
	"es": {
		[][2]string{{"Lucía", "lucia"}, {"Iñaki", "inaki"}, {"Marisol", "marisol"}},
		[][2]string{{"Peñalver", "penalver"}, {"Robledo", "robledo"}, {"Quintanilla", "quintanilla"}},
	},
}

var hosts = []string{"post.example", "mail.example", "letters.example", "brief.example"}

// somebody makes up a customer who writes in a language.
func somebody(random *rand.Rand, language string) mail.Address {
	list := names[language]
	given, family := list.given[random.IntN(len(list.given))], list.family[random.IntN(len(list.family))]
	name := given[0] + " " + family[0]
	if language == "zh" {
		name = given[0] + family[0]
	}
	return mail.Address{Name: name, Address: given[1] + "." + family[1] + "@" + hosts[random.IntN(len(hosts))]}
}

// languageOf tells in which language somebody made up here writes.
func languageOf(name string) string {
	for language, list := range names {
		for _, given := range list.given {
			if strings.HasPrefix(name, given[0]) {
				return language
			}
		}
	}
	return "en"
}
