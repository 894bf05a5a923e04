//! The words that tell what another word is. The page of the job prints them from here.

/// Before a name.
pub(super) const SALUTATIONS: [&str; 34] = [
    "MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "REV", "FR", "RABBI", "PASTOR", "SISTER", "BROTHER",
    "HON", "JUDGE", "SIR", "LADY", "LORD", "DAME", "CAPT", "COL", "GEN", "LT", "MAJ", "SGT", "CPL", "PVT",
    "ADM", "CMDR", "CPT", "SEN", "REP", "GOV", "PRES",
];
/// Of these, those that say that a person is a woman or a man.
pub(super) const WOMEN: [&str; 6] = ["MRS", "MS", "MISS", "SISTER", "LADY", "DAME"];
pub(super) const MEN: [&str; 5] = ["MR", "SIR", "LORD", "BROTHER", "FR"];
/// Behind a name, of generations.
pub(super) const MATURITY: [&str; 10] = ["JR", "SR", "II", "III", "IV", "2ND", "3RD", "4TH", "JNR", "SNR"];
/// Behind a name, of professions and honours.
pub(super) const TITLES: [&str; 30] = [
    "MD", "DO", "DDS", "DMD", "DVM", "OD", "RN", "LPN", "NP", "PA", "PHD", "EDD", "JD", "ESQ", "CPA", "MBA",
    "MA", "MS", "BA", "BS", "PE", "RA", "AIA", "CFP", "CFA", "LLM", "USN", "USA", "USMC", "RET",
];
/// Parts of a last name that do not stand alone.
pub(super) const PARTICLES: [&str; 26] = [
    "VAN", "VON", "DER", "DEN", "DE", "DEL", "DELA", "DELLA", "DI", "DA", "DU", "DOS", "DAS", "LA", "LE",
    "LOS", "LAS", "ST", "SAN", "SANTA", "TEN", "TER", "BIN", "BEN", "AL", "EL",
];
/// Makes a family of a name.
pub(super) const FAMILY: [&str; 4] = ["FAMILY", "HOUSEHOLD", "RESIDENCE", "HOME"];
/// Nobody is called so.
pub(super) const BUSINESS: [&str; 64] = [
    "INC",
    "INCORPORATED",
    "LLC",
    "LLP",
    "LTD",
    "LIMITED",
    "CORP",
    "CORPORATION",
    "CO",
    "COMPANY",
    "COMPANIES",
    "PLC",
    "GMBH",
    "TRUST",
    "FOUNDATION",
    "ASSOCIATION",
    "ASSOC",
    "ASSOCIATES",
    "PARTNERS",
    "PARTNERSHIP",
    "ENTERPRISES",
    "INDUSTRIES",
    "HOLDINGS",
    "GROUP",
    "BANK",
    "INSURANCE",
    "CHURCH",
    "MINISTRIES",
    "TEMPLE",
    "SYNAGOGUE",
    "MOSQUE",
    "SCHOOL",
    "SCHOOLS",
    "COLLEGE",
    "UNIVERSITY",
    "ACADEMY",
    "HOSPITAL",
    "CLINIC",
    "PHARMACY",
    "DEPARTMENT",
    "DEPT",
    "COUNTY",
    "AGENCY",
    "COMMITTEE",
    "COUNCIL",
    "CLUB",
    "LODGE",
    "UNION",
    "LIBRARY",
    "MUSEUM",
    "RESTAURANT",
    "HOTEL",
    "MOTEL",
    "CAFE",
    "BAKERY",
    "PIZZA",
    "REALTY",
    "MOTORS",
    "SERVICES",
    "SYSTEMS",
    "SOLUTIONS",
    "CONSULTING",
    "STUDIO",
    "DISTRICT",
];
/// Somebody may be called so, but it is more often a business.
pub(super) const PERHAPS_BUSINESS: [&str; 24] = [
    "AUTO",
    "CENTER",
    "CENTRE",
    "CONSTRUCTION",
    "DENTAL",
    "DENTISTRY",
    "DESIGN",
    "ELECTRIC",
    "EQUIPMENT",
    "FARMS",
    "FINANCIAL",
    "FITNESS",
    "INTERNATIONAL",
    "LANDSCAPING",
    "MARKET",
    "MEDICAL",
    "OFFICE",
    "OFFICES",
    "PLUMBING",
    "PRODUCTS",
    "REPAIR",
    "SALON",
    "STORE",
    "SUPPLY",
];
/// Whole texts that mean nobody.
pub(super) const NOBODY: [&str; 14] = [
    "N/A",
    "NA",
    "NONE",
    "NULL",
    "UNKNOWN",
    "NO NAME",
    "TEST",
    "OCCUPANT",
    "RESIDENT",
    "CURRENT RESIDENT",
    "CURRENT OCCUPANT",
    "POSTAL CUSTOMER",
    "HOMEOWNER",
    "VALUED CUSTOMER",
];
/// Where the part begins that belongs to the address.
pub(super) const ASIDES: [&str; 6] =
    [" C/O ", " CARE OF ", " ATTN ", " ATTN: ", " OR CURRENT RESIDENT", " OR CURRENT OCCUPANT"];
