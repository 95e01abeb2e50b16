'use strict';
// The made-up customers. The same number always gives the same people, so that a cached shop and a test agree.

const first = ['Ada', 'Bram', 'Chiara', 'Dilek', 'Émile', 'Freya', 'Goran', 'Hanneke', 'Iñaki', 'Jürgen', 'Katarzyna',
    'Leïla', 'Mikael', 'Nkechi', 'Oisín', 'Priya', 'Quirin', 'Rosa', 'Søren', 'Tomáš', 'Ursula', 'Viktor', 'Wanjiku',
    'Xavier', 'Yuki', 'Zofia'];
const last = ['Adeyemi', 'Berg', 'Castellano', "O'Dwyer", 'Eriksen', 'Fischer', 'García', 'Horvat', 'Ivanova', 'Jansen',
    'Kowalska', 'Lindqvist', 'Müller', 'Novák', 'Okafor', 'Petit', 'Quispe', 'Rossi', 'Schäfer', 'Tanaka', 'Ulusoy',
    'van den Heuvel', 'Weiß'];
const places = [['GB', 'en-GB'], ['DE', 'de-DE'], ['FR', 'fr-FR'], ['NL', 'nl-NL'], ['ES', 'es-ES'], ['SE', 'sv-SE'], ['IE', 'en-IE']];
const domains = ['mail.example', 'post.example', 'correo.example', 'freemail.example', 'uni.example'];

/** One of every guestEvery people has no account: they order as guests. */
const guestEvery = 10;

/** person returns the n-th customer, from 1. */
function person(n) {
    const firstName = first[(n * 7) % first.length];
    const lastName = last[(n * 5 + Math.floor(n / first.length)) % last.length];
    const [country, locale] = places[n % places.length];
    const tag = n % 9 === 0 ? '+shop' : '';
    return {
        n, firstName, lastName, country, locale,
        email: `${plain(firstName)}.${plain(lastName)}${n}${tag}@${domains[n % domains.length]}`,
        password: n % guestEvery === 0 ? '' : `made-up-${n * 7919}`,
    };
}

/** plain spells a name as it stands in an address: without accents and blanks, but with the apostrophe of O'Dwyer. */
function plain(name) {
    return name.normalize('NFD').replace(/\p{M}/gu, '').replace(/ø/g, 'o').replace(/ß/g, 'ss').replace(/ /g, '').toLowerCase();
}

module.exports = { person };
