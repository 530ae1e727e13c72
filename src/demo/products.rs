//! What the shop sells.

/// A product.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) cents: i64,
}

const fn product(category: &'static str, name: &'static str, cents: i64) -> Product {
    Product { name, category, cents }
}

/// Sixty products of six categories, their prices as units and hundredths.
#[expect(clippy::inconsistent_digit_grouping, reason = "89_00 reads as 89.00")]
pub(super) const PRODUCTS: &[Product; 60] = &[
    product("Kitchen", "Cast iron pan 28 cm", 54_90),
    product("Kitchen", "Chef's knife", 89_00),
    product("Kitchen", "Moka pot, six cups", 34_95),
    product("Kitchen", "Walnut chopping board", 47_50),
    product("Kitchen", "Stoneware bowls, set of four", 39_99),
    product("Kitchen", "Burr coffee grinder", 129_00),
    product("Kitchen", "Enamel casserole 5 l", 149_90),
    product("Kitchen", "Digital scale", 24_99),
    product("Kitchen", "Linen tea towels, set of three", 19_80),
    product("Kitchen", "Crème brûlée torch", 32_40),
    product("Garden", "Copper watering can", 44_00),
    product("Garden", "Secateurs", 28_75),
    product("Garden", "Herb planter", 36_20),
    product("Garden", "Folding garden chair", 59_00),
    product("Garden", "Garden hose 20 m", 41_95),
    product("Garden", "Bird feeder", 22_30),
    product("Garden", "Solar path lights, set of six", 49_99),
    product("Garden", "Compost bin", 74_50),
    product("Garden", "Hammock", 84_90),
    product("Garden", "Wildflower seeds", 6_49),
    product("Office", "Standing desk", 449_00),
    product("Office", "Task chair", 289_00),
    product("Office", "Desk lamp", 69_95),
    product("Office", "Notebook A5, dotted", 14_90),
    product("Office", "Fountain pen", 38_00),
    product("Office", "Cable tray", 21_60),
    product("Office", "Monitor arm", 119_00),
    product("Office", "Felt desk mat", 33_33),
    product("Office", "Whiteboard 90 x 60", 57_40),
    product("Office", "Paper shredder", 98_70),
    product("Outdoor", "Two-person tent", 219_00),
    product("Outdoor", "Sleeping bag", 139_50),
    product("Outdoor", "Trekking poles", 64_95),
    product("Outdoor", "Head torch", 29_99),
    product("Outdoor", "Insulated bottle 1 l", 31_00),
    product("Outdoor", "Backpack 45 l", 159_00),
    product("Outdoor", "Camping stove", 52_25),
    product("Outdoor", "Rain jacket", 119_95),
    product("Outdoor", "Merino socks", 17_50),
    product("Outdoor", "Dry bag 20 l", 23_80),
    product("Home", "Wool blanket", 94_00),
    product("Home", "Bedside lamp", 42_70),
    product("Home", "Linen bed set", 134_90),
    product("Home", "Oak coat rack", 87_60),
    product("Home", "Wall clock", 45_45),
    product("Home", "Scented candle", 18_90),
    product("Home", "Laundry basket", 35_00),
    product("Home", "Wool rug 160 x 230", 329_00),
    product("Home", "Picture frame 30 x 40", 16_75),
    product("Home", "Door mat", 26_30),
    product("Play", "Wooden building blocks", 39_90),
    product("Play", "Jigsaw, 1,000 pieces", 19_95),
    product("Play", "Chess set", 58_00),
    product("Play", "Kite", 27_40),
    product("Play", "Telescope for beginners", 179_00),
    product("Play", "Watercolour box", 22_99),
    product("Play", "Card game of the lattice", 12_50),
    product("Play", "Balance bike", 109_00),
    product("Play", "Plush fox", 24_60),
    product("Play", "Science kit", 46_80),
];
