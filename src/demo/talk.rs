//! What people write to a support desk: free text, in which their names, addresses and numbers turn up.

/// What a ticket is about, and who answers it.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) team: &'static str,
    pub(super) subjects: &'static [&'static str],
    pub(super) bodies: &'static [&'static str],
}

pub(super) const TOPICS: &[Topic] = &[
    Topic {
        team: "Delivery",
        subjects: &["Where is my parcel?", "Order {order} has not arrived", "Delivery to {city}"],
        bodies: &[
            "Order {order} was to arrive last week. The tracking page has not moved since.",
            "The driver says nobody was in, but I was at home all day. Please send {product} again.",
            "Could order {order} go to my neighbour instead? I am away from Monday on.",
            "The tracking says delivered, yet there is nothing at my door in {city}.",
        ],
    },
    Topic {
        team: "Delivery",
        subjects: &["Parcel damaged", "Broken on arrival: {product}"],
        bodies: &[
            "The box was open and the {product} has a crack. I have kept the wrapping.",
            "Half of order {order} is missing, and what is there is wet.",
        ],
    },
    Topic {
        team: "Billing",
        subjects: &["Charged twice", "Refund for order {order}", "Wrong amount on my invoice"],
        bodies: &[
            "My bank shows two payments for order {order}. Please return one of them.",
            "I sent the {product} back three weeks ago and still wait for my money.",
            "The invoice of order {order} is made out to {name}, but I need it for my company.",
            "The discount of ten per cent is missing on the invoice.",
        ],
    },
    Topic {
        team: "Products",
        subjects: &["Question about {product}", "{product}: spare part", "Guarantee"],
        bodies: &[
            "Is there a spare part for the {product}? The hinge has worn out.",
            "Does the {product} come in another colour?",
            "After two months the {product} makes a strange noise. Is that covered?",
            "Which size would fit two adults and a dog?",
        ],
    },
    Topic {
        team: "Accounts",
        subjects: &["Cannot log in", "Change of address", "Please delete my data"],
        bodies: &[
            "The link to reset my password never reaches {email}.",
            "I have moved from {city}. Please change the address of my account {email}.",
            "Please delete everything you hold about {name}, and confirm it to {email}.",
            "Somebody else seems to use my account. My number is {phone}; please call before you change anything.",
        ],
    },
];

/// How people ask to be answered.
pub(super) const CONTACTS: &[&str] = &[
    "You can reach me at {email}.",
    "Please call me on {phone} in the evening.",
    "Best regards, {name}, {phone}",
    "Write to {email} or call {phone}. Thank you! {name}",
    "My wife will answer the phone ({phone}).",
    "Kind regards from {city}, {name}",
];
