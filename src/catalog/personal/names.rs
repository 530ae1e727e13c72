//! What names and comments say of a column: words of English and Spanish, split and stemmed like those
//! of a search.

use super::Kind;
use crate::catalog::words::{stem, words};
use std::collections::BTreeSet;

/// Phrases by kind, with what each is worth. All words of a phrase must occur; a table of people makes
/// the phrases in the second list count too.
const PHRASES: &[(Kind, f64, &str, &str)] = &[
    (
        Kind::Email,
        0.9,
        "email, e mail, mail, correo, correo electronico, emailaddress, email address, \
         mail address",
        "",
    ),
    (
        Kind::Phone,
        0.9,
        "phone, telephone, telefono, tel, mobile, movil, celular, cell, fax, msisdn, \
         phonenumber, whatsapp, tlf, tfno, phoneno, cellphone, landline",
        "contact number",
    ),
    (
        Kind::PersonName,
        0.9,
        "first name, firstname, fname, last name, lastname, lname, surname, full name, \
         fullname, given name, family name, maiden name, middle name, apellido, nombre \
         completo, nombre cliente, customer name, client name, patient name, employee \
         name, contact name, cardholder, titular, holder name, nombre paciente, nombre \
         empleado, nombre pila, manager name, signatory, nickname, author name, contacto \
         nombre, nombre contacto, beneficiary name, nombre beneficiario, recipient name, \
         doctor name, nombre medico, person name, guest name, student name, nombre alumno, \
         passenger name, driver name, teacher name, attendee name, owner name",
        "name, nombre, initials",
    ),
    (
        Kind::NationalId,
        0.9,
        "ssn, social security, seguridad social, national id, national insurance, nino, \
         tax id, taxid, taxpayer, dni, nie, nif, curp, rfc, cpf, aadhaar, aadhar, insee, \
         nir, steuer id, steuerid, steuernummer, cedula, documento identidad, numero \
         documento, personnummer, nhs number, nhs no, fiscal code, codice fiscale, \
         identity number, identification number, numero identificacion, identificacion \
         fiscal, rut, cuil, cuit, pesel, bsn, nationalid, tax number, nss, government id, \
         sin number, nhs",
        "id number, documento",
    ),
    (
        Kind::IdDocument,
        0.9,
        "passport, pasaporte, driver license, driver licence, driving licence, driving \
         license, licencia conducir, carnet conducir, permiso residencia, license plate, \
         licence plate, visa number, permiso conducir, passportno",
        "",
    ),
    (
        Kind::BankAccount,
        0.9,
        "iban, account number, account no, bank account, cuenta bancaria, numero cuenta, \
         clabe, ccc, accountnumber, cuenta corriente, sort code",
        "",
    ),
    (
        Kind::Card,
        0.9,
        "card number, cardnumber, credit card, debit card, pan, tarjeta, cc number, ccnum, \
         creditcard, card no, cardno, numero tarjeta, payment card",
        "",
    ),
    (
        Kind::BirthDate,
        0.9,
        "birth, birthdate, birthday, born, dob, nacimiento, fecha nac, fec nac, fnac, \
         bday, cumpleano, birthyear, fechanacimiento, nacido, dateofbirth, edad",
        "age",
    ),
    (
        Kind::Address,
        0.85,
        "address, addr, street, direccion, calle, domicilio, postal code, postcode, zip, \
         zipcode, zip code, codigo postal, postalcode, cod postal, residence",
        "cp",
    ),
    (
        Kind::Position,
        0.75,
        "latitude, longitude, latitud, longitud, lat, lon, lng, geolocation, gps",
        "",
    ),
    (
        Kind::OnlineId,
        0.8,
        "ip address, ip, ipaddr, client ip, remote addr, direccion ip, mac address, device \
         id, imei, cookie id, advertising id, idfa, username, user name, login, twitter, \
         instagram, linkedin, skype, screen name, nombre usuario, user handle, userid \
         login, facebook, telegram",
        "handle, usuario",
    ),
    (
        Kind::Credential,
        0.95,
        "password, passwd, pwd, contrasena, secret, api key, apikey, access token, refresh \
         token, auth token, password hash, cvv, cvc, security answer, private key, pin \
         code, otp, salt, clave acceso",
        "token, pin, clave",
    ),
    (
        Kind::Special,
        0.85,
        "diagnosis, diagnostico, disease, enfermedad, blood type, grupo sanguineo, \
         religion, ethnicity, etnia, sexual orientation, marital status, estado civil, \
         nationality, nacionalidad, disability, discapacidad, political, allergy, alergia, \
         medication, medicacion, hiv, union membership, race, orientacion sexual, \
         religious, symptom, sintoma",
        "gender, sexo, sex, genero",
    ),
    (
        Kind::Income,
        0.7,
        "salary, salario, sueldo, wage, nomina, annual income, ingreso anual",
        "income, ingreso",
    ),
    (
        Kind::FreeText,
        0.6,
        "note, comment, remark, observacion, comentario, message, mensaje, body, free \
         text, nota, transcript, anotacion",
        "description, descripcion, details, bio",
    ),
];

/// Words that make a column one about data rather than data.
const ABOUT: &str = "count, qty, sent, verified, verify, opt, consent, status, type, tipo, template, flag, \
    is, has, bounced, enabled, valid, validated, version, frequency, preference, \
    preferred, format, length, category, provider, domain, server, host, model, brand, \
    app, campaign, subject, attempt, expiry, expire, expiration, changed, updated, reset, \
    plan, limit, quota, cost, fee, price, enviado, verificado, estado, plantilla, \
    cantidad, precio, coste, modelo, marca, total, rate, duration, max, min, policy, \
    column, field, index, weight, size, color, code, codigo, pct, ratio, score, locale, \
    queue";

/// Words whose names are of things: `product_name` is nobody's name.
const THINGS: &str = "product, producto, company, empresa, file, fichero, archivo, table, column, host, \
    event, evento, campaign, department, departamento, role, rol, group, grupo, store, \
    tienda, brand, marca, category, categoria, country, pais, city, ciudad, region, \
    domain, server, project, proyecto, plan, item, articulo, warehouse, almacen, currency, \
    moneda, status, type, tipo, job, task, team, equipo, bank, banco, business, branch, \
    sucursal, service, servicio, course, curso, drug, device, shipping, method, song, \
    film, book, play, test, metric, feature, schema, database, supplier, proveedor, \
    vendor, street, calle, display, variable";

/// What has an address that is no postal one.
const ADDRESSED: &str = "memory, wallet, contract, web, url, site, host, server";

/// Tables of people, by the word that heads their name.
const PEOPLE: &str = "customer, client, user, person, people, employee, patient, contact, member, agent, \
    applicant, candidate, student, staff, worker, subscriber, guest, driver, tenant, \
    donor, lead, cliente, usuario, persona, empleado, paciente, contacto, socio, alumno, \
    trabajador, huesped, inquilino, abonado, medico, doctor, profesor, teacher, resident, \
    citizen, ciudadano, beneficiary, beneficiario, holder, titular, participant, voter, \
    profile, perfil, passenger, pasajero, attendee, dependent, account";

/// What a name or a comment says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) weight: f64,
    /// The words that say it.
    pub(super) phrase: &'static str,
    /// A word beside it makes it one about such data.
    pub(super) about: bool,
}

/// Whether a table is one of people.
pub(super) fn holds_people(table: &str) -> bool {
    let found = ordered(table);
    let people: BTreeSet<String> = PEOPLE.split(", ").map(stem).collect();
    let heads = [found.last(), found.first()];
    // English heads come last, Spanish ones first; of more than two words only the last counts.
    let heads = if found.len() > 2 { &heads[..1] } else { &heads[..] };
    let things: BTreeSet<String> = THINGS.split(", ").map(stem).collect();
    let business =
        ["order", "pedido", "invoice", "factura", "log", "event", "ticket", "segment", "payment"];
    let business: BTreeSet<String> = business.iter().map(|word| stem(word)).collect();
    heads.iter().flatten().any(|head| people.contains(*head))
        && !found.iter().any(|word| things.contains(word) || business.contains(word))
}

/// What a text says of the data that it names, the strongest first.
pub(super) fn said(text: &str, of_people: bool) -> Vec<Said> {
    let found: BTreeSet<String> = ordered(text).into_iter().collect();
    let has = |phrase: &str| {
        !phrase.is_empty() && phrase.split(' ').all(|word| found.contains(&stem(word)))
    };
    let mut all = Vec::new();
    for (kind, weight, plain, with_people) in PHRASES {
        let with_people = with_people.split(", ").filter(|_| of_people);
        // The longest phrase is the one that is meant.
        let phrases = plain.split(", ").chain(with_people).filter(|phrase| has(phrase));
        let Some(phrase) = phrases.max_by_key(|phrase| phrase.len()) else { continue };
        let own = |word: &str| phrase.split(' ').any(|part| stem(part) == stem(word));
        let about = ABOUT.split(", ").any(|word| found.contains(&stem(word)) && !own(word));
        let things = match kind {
            Kind::PersonName => THINGS,
            Kind::Address => ADDRESSED,
            _ => "",
        };
        let thing = things.split(", ").any(|word| found.contains(&stem(word)) && !own(word));
        all.push(Said { kind: *kind, weight: *weight, phrase, about: about || thing });
    }
    // "ip address" is no street, "nombre usuario" no person's name: a longer phrase takes its words.
    let longest: Vec<&'static str> = all.iter().map(|said| said.phrase).collect();
    all.retain(|said| {
        !longest.iter().any(|other| {
            other.len() > said.phrase.len()
                && other.contains(' ')
                && said
                    .phrase
                    .split(' ')
                    .all(|word| other.split(' ').any(|part| stem(part) == stem(word)))
        })
    });
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    all
}

/// Stemmed words in their order.
fn ordered(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    words(text, |word| found.push(stem(word)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str, of_people: bool) -> Option<(Kind, bool)> {
        said(text, of_people).first().map(|said| (said.kind, said.about))
    }

    #[test]
    fn names_are_read_in_both_languages() {
        for (name, kind) in [
            ("customerEmail", Kind::Email),
            ("E_MAIL", Kind::Email),
            ("correo_electronico", Kind::Email),
            ("TelefonoMovil", Kind::Phone),
            ("primer_apellido", Kind::PersonName),
            ("fecha_nacimiento", Kind::BirthDate),
            ("ipAddress", Kind::OnlineId),
            ("card_number", Kind::Card),
            ("num_tarjeta", Kind::Card),
        ] {
            assert_eq!(first(name, false).map(|(kind, _)| kind), Some(kind), "{name}");
        }
        assert_eq!(first("name", false), None);
        assert_eq!(first("name", true), Some((Kind::PersonName, false)));
        assert_eq!(first("email_sent_count", false), Some((Kind::Email, true)));
        assert_eq!(first("order_id", true), None);
    }

    #[test]
    fn tables_of_people_are_known_by_their_head() {
        for people in
            ["customers", "CRM_CONTACTS", "clientes", "empleados_activos", "user_profiles"]
        {
            assert!(holds_people(people), "{people}");
        }
        for things in ["products", "customer_orders", "pedidos_clientes", "user_events", "cities"] {
            assert!(!holds_people(things), "{things}");
        }
    }
}
