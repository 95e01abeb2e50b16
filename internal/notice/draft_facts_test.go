package notice

import (
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

func nov(day, hour, minute int) time.Time {
	return time.Date(2018, 11, day, hour, minute, 0, 0, time.UTC)
}

// shopFacts are a made-up shop's: everything is known, and mended.
func shopFacts() Facts {
	return Facts{
		Schema: FactsSchema, Incident: "inc-abcd2345", AsOf: nov(22, 12, 0),
		Publisher: Publisher{
			LegalName: "Muster Handel GmbH", Name: "Musterladen", Address: "Beispielweg 1, 10115 Berlin, Germany", Domain: "shop.example",
			Contact: Contact{Role: "Customer care", Email: "privacy@shop.example", Phone: "+49 30 5550100"},
			DPO:     Contact{Role: "Data Protection Officer", Name: "Ada Beispiel", Email: "dpo@shop.example"},
			Zone:    "Europe/Berlin", Language: "de",
			Account: words9("My account > Notices", "Mein Konto > Mitteilungen", "Mon compte > Avis", "Mi cuenta > Avisos", "Il mio account > Avvisi", "Mijn account > Berichten", "Moje konto > Powiadomienia", "Minha conta > Avisos", "マイページ > お知らせ"),
		},
		Site: "www.shop.example", Route: "GET /orders/{id}",
		Surface: words9("the page with your orders", "die Seite mit Ihren Bestellungen", "la page de vos commandes", "la página de sus pedidos", "la pagina dei suoi ordini", "de pagina met uw bestellingen", "strona z Twoimi zamówieniami", "a página dos seus pedidos", "ご注文のページ"),
		People:  5120, Prevented: 22, Possible: 3,
		Kinds:   []candor.Kind{scan.Email, scan.Name},
		Viewers: []incident.ViewerCount{{Kind: "customer", Count: 1204}, {Kind: "anonymous", Count: 2}},
		Looked:  candor.LookedAll,
		First:   nov(20, 9, 52), Last: nov(20, 10, 7), Detected: nov(20, 9, 58), Aware: nov(20, 10, 5), Contained: nov(20, 10, 8), ContainedHow: "mask",
		Cause: incident.CauseSharedCache, Release: "2018.47",
		Fixed: nov(20, 13, 30), FixReference: "SHOP-4711", FixRelease: "2018.47.1", Verified: nov(20, 14, 0), Replayed: 1000, CleanSince: 18422,
		Prevention:  words9("Personal pages now tell every cache not to keep them.", "Persönliche Seiten sagen jetzt jedem Cache, dass er sie nicht behalten darf.", "Les pages personnelles interdisent désormais à tout cache de les conserver.", "Las páginas personales ahora prohíben a toda caché guardarlas.", "Le pagine personali ora vietano a ogni cache di conservarle.", "Persoonlijke pagina's verbieden nu elke cache om ze te bewaren.", "Strony osobiste zabraniają teraz każdej pamięci podręcznej ich zachowywania.", "As páginas pessoais agora proíbem qualquer cache de guardá-las.", "個人のページは、どのキャッシュにも保存を禁じるようにしました。"),
		PoliceDelay: new(bool),
		Regulators:  []Regulator{{Authority: "Berliner Beauftragte für Datenschutz", Law: "GDPR Art. 33", Filed: nov(21, 8, 0), Reference: "711.42"}},
		Report: &Report{URL: "https://www.shop.example/candor/inc-abcd2345", Revision: 2, Hash: strings.Repeat("0123456789abcdef", 4),
			Checkpoint: &Checkpoint{Origin: "shop.example/candor", Size: 12, Root: "qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs="}},
	}
}

func words9(texts ...string) Words {
	w := Words{}
	for i, lang := range Languages {
		w[lang] = texts[i]
	}
	return w
}

func erika() Person {
	return Person{Owner: "1001", Name: "Erika Muster", Locale: "de-AT", Country: "AT", Kinds: []candor.Kind{scan.Email, scan.Name}, Viewers: 3, Times: 4, First: nov(20, 9, 52), Last: nov(20, 10, 7), Looked: candor.LookedAll, Code: "K7QM-2XHD-9RTP"}
}
