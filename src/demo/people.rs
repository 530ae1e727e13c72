//! Names, cities and numbers of people who do not exist.
//!
//! E-mail addresses end in the domains that are reserved for examples; telephone numbers are from the
//! ranges kept for fiction where a country has one.

use super::random::Random;

/// What people of a country are called, and how their numbers look: `#` stands for a digit.
#[derive(Debug)]
pub(super) struct Country {
    pub(super) region: &'static str,
    given: &'static [&'static str],
    family: &'static [&'static str],
    cities: &'static [&'static str],
    phone: &'static str,
    tax_id: &'static str,
}

/// How often a customer is from a country: about two of five are from the EU.
pub(super) const COUNTRIES: &[(i64, Country)] = &[
    (
        11,
        Country {
            region: "EU",
            given: &[
                "Anneliese",
                "Jürgen",
                "Käthe",
                "Lukas",
                "Mia",
                "Jonas",
                "Sören",
                "Ursula",
                "Björn",
                "Frieda",
                "Matthias",
                "Zoë",
            ],
            family: &[
                "Müller", "Schäfer", "Weiß", "Krüger", "Hofmann", "Böhm", "Vogel", "Köhler",
                "Lindner", "Groß", "Brandt", "Jäger",
            ],
            cities: &["Berlin", "München", "Köln", "Leipzig", "Nürnberg"],
            phone: "+49 30 23125###",
            tax_id: "DE 4# ### ### ###",
        },
    ),
    (
        9,
        Country {
            region: "EU",
            given: &[
                "Amélie",
                "Benoît",
                "Chloé",
                "François",
                "Hélène",
                "Jérôme",
                "Maëlle",
                "Noémie",
                "Raphaël",
                "Solène",
                "Théo",
                "Zélie",
            ],
            family: &[
                "Lefèvre",
                "Béranger",
                "Dupré",
                "Garnier",
                "Hébert",
                "Lemaître",
                "Moreau",
                "Noël",
                "Perrot",
                "Rousselle",
                "Simon",
                "Vallée",
            ],
            cities: &["Paris", "Lyon", "Besançon", "Nîmes", "Orléans"],
            phone: "+33 1 9900 ####",
            tax_id: "FR 30 ## ### ### ###",
        },
    ),
    (
        8,
        Country {
            region: "EU",
            given: &[
                "Álvaro",
                "Begoña",
                "Concepción",
                "Íñigo",
                "Lucía",
                "María",
                "Martín",
                "Nerea",
                "Raúl",
                "Sofía",
                "Víctor",
                "Ximena",
            ],
            family: &[
                "Núñez",
                "García",
                "Muñoz",
                "Ibáñez",
                "Peña",
                "Ordóñez",
                "Rodríguez",
                "Sáez",
                "Vázquez",
                "Zúñiga",
                "Molina",
                "Castaño",
            ],
            cities: &["Madrid", "Málaga", "A Coruña", "Cádiz", "València"],
            phone: "+34 612 555###",
            tax_id: "ES ########X",
        },
    ),
    (
        6,
        Country {
            region: "EU",
            given: &[
                "Łucja",
                "Paweł",
                "Zofia",
                "Michał",
                "Małgorzata",
                "Stanisław",
                "Jagoda",
                "Błażej",
                "Elżbieta",
                "Wojciech",
            ],
            family: &[
                "Wójcik",
                "Kowalczyk",
                "Zieliński",
                "Dąbrowska",
                "Kamiński",
                "Jabłoński",
                "Król",
                "Wróbel",
                "Michałek",
                "Pająk",
            ],
            cities: &["Warszawa", "Kraków", "Łódź", "Wrocław", "Gdańsk"],
            phone: "+48 22 555 0###",
            tax_id: "PL ###-###-##-##",
        },
    ),
    (
        6,
        Country {
            region: "EU",
            given: &[
                "Åsa",
                "Björn",
                "Göran",
                "Håkan",
                "Ingrid",
                "Linnéa",
                "Märta",
                "Örjan",
                "Saga",
                "Torbjörn",
            ],
            family: &[
                "Åkesson",
                "Bergström",
                "Sjöberg",
                "Lindqvist",
                "Nyström",
                "Öberg",
                "Höglund",
                "Strömberg",
                "Hedlund",
                "Wallén",
            ],
            cities: &["Stockholm", "Göteborg", "Malmö", "Umeå", "Örebro"],
            phone: "+46 8 465004##",
            tax_id: "SE ######-####",
        },
    ),
    (
        26,
        Country {
            region: "US",
            given: &[
                "Aaliyah", "Brandon", "Caroline", "DeShawn", "Emily", "Jamal", "José", "Kayla",
                "Logan", "Madison", "Priya", "Tyler", "Renée", "Xavier",
            ],
            family: &[
                "Anderson",
                "Brooks",
                "Castillo",
                "Davis",
                "Freeman",
                "Goldberg",
                "Harris",
                "Nguyen",
                "O'Connor",
                "Patel",
                "Robinson",
                "St. John",
                "Washington",
                "Young",
            ],
            cities: &["Austin", "Chicago", "Portland", "San José", "St. Paul", "Boston"],
            phone: "+1 202 555 01##",
            tax_id: "US 9##-0#-####",
        },
    ),
    (
        6,
        Country {
            region: "APAC",
            given: &["Aiko", "Daichi", "Haruto", "Kōji", "Mei", "Ryōko", "Shōta", "Yūki", "Sakura"],
            family: &["Satō", "Itō", "Katō", "Ōno", "Kobayashi", "Tanaka", "Yamamoto", "Saitō"],
            cities: &["Tōkyō", "Ōsaka", "Kyōto", "Sapporo"],
            phone: "+81 3 5550 ####",
            tax_id: "JP #### #### ####",
        },
    ),
    (
        6,
        Country {
            region: "APAC",
            given: &["Aarav", "Ananya", "Deepika", "Ishaan", "Kavya", "Rohan", "Saanvi", "Vikram"],
            family: &[
                "Banerjee",
                "Chatterjee",
                "Iyer",
                "Kapoor",
                "Mehta",
                "Nair",
                "Reddy",
                "Singh",
            ],
            cities: &["Bengaluru", "Chennai", "Mumbai", "Pune"],
            phone: "+91 80 5550 ####",
            tax_id: "IN ABXPQ####Z",
        },
    ),
    (
        6,
        Country {
            region: "APAC",
            given: &["Amelia", "Charlotte", "Jack", "Kiri", "Lachlan", "Noah", "Ruby", "Tāne"],
            family: &["Campbell", "Fraser", "Kelly", "McDonald", "Ngata", "O'Brien", "Walsh"],
            cities: &["Melbourne", "Sydney", "Perth", "Auckland"],
            phone: "+61 3 5550 ####",
            tax_id: "AU ### ### ###",
        },
    ),
    (
        9,
        Country {
            region: "LATAM",
            given: &["Antônio", "Beatriz", "César", "Inês", "João", "Letícia", "Otávio", "Thaís"],
            family: &["Araújo", "Conceição", "Gonçalves", "Lourenço", "Magalhães", "Simões", "Sá"],
            cities: &["São Paulo", "Brasília", "Belém", "Maceió"],
            phone: "+55 11 5550 ####",
            tax_id: "BR ###.###.###-##",
        },
    ),
    (
        7,
        Country {
            region: "LATAM",
            given: &[
                "Andrés",
                "Belén",
                "Guadalupe",
                "Jesús",
                "Mónica",
                "Nicolás",
                "Rocío",
                "Tomás",
            ],
            family: &[
                "Chávez",
                "Domínguez",
                "Gutiérrez",
                "Hernández",
                "Jiménez",
                "Quiñones",
                "Ríos",
            ],
            cities: &["Ciudad de México", "Mérida", "Bogotá", "Córdoba"],
            phone: "+52 55 5550 ####",
            tax_id: "MX XAXX######AB#",
        },
    ),
];

/// Somebody's name and numbers.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) tax_id: String,
    pub(super) city: &'static str,
    pub(super) region: &'static str,
}

/// A person; `number` keeps the e-mail address apart from those of namesakes.
pub(super) fn person(random: &mut Random, number: i64) -> Person {
    let total = COUNTRIES.iter().map(|(weight, _)| weight).sum();
    let mut rest = random.below(total);
    let country = COUNTRIES.iter().find(|(weight, _)| {
        rest -= weight;
        rest < 0
    });
    let country = country.map_or(&COUNTRIES[0].1, |(_, country)| country);
    let (given, family) = (random.pick(country.given), random.pick(country.family));
    let domain = random.pick(&["example.com", "example.com", "example.org", "example.net"]);
    Person {
        name: format!("{given} {family}"),
        email: format!("{}.{}{number}@{domain}", ascii(given), ascii(family)),
        phone: random.digits(country.phone),
        tax_id: random.digits(country.tax_id),
        city: random.pick(country.cities),
        region: country.region,
    }
}

/// A name as it is written in an e-mail address.
fn ascii(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.to_lowercase().chars() {
        match letter {
            'a'..='z' => plain.push(letter),
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            'á' | 'à' | 'â' | 'ã' | 'å' | 'ā' | 'ą' => plain.push('a'),
            'é' | 'è' | 'ê' | 'ë' | 'ę' => plain.push('e'),
            'í' | 'î' | 'ï' => plain.push('i'),
            'ó' | 'ô' | 'õ' | 'ō' => plain.push('o'),
            'ú' | 'ū' => plain.push('u'),
            'ç' | 'ć' => plain.push('c'),
            'ñ' | 'ń' => plain.push('n'),
            'ł' => plain.push('l'),
            'ś' => plain.push('s'),
            'ż' | 'ź' => plain.push('z'),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_every_name_is_spelled_in_an_address() {
        for (_, country) in COUNTRIES {
            for name in country.given.iter().chain(country.family) {
                let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
                assert!(ascii(name).len() >= letters, "{name} became {}", ascii(name));
            }
        }
    }

    #[test]
    fn two_of_five_are_from_the_eu() {
        let of = |region: &str| {
            let of = COUNTRIES.iter().filter(|(_, country)| country.region == region);
            of.map(|(weight, _)| weight).sum::<i64>()
        };
        assert_eq!((of("EU"), of("US"), of("APAC"), of("LATAM")), (40, 26, 18, 16));
    }
}
