//! The text that Conductor's JSON library gives a number after reading it: integers of any length stay as
//! they are, everything with a point or an exponent becomes a double (contract §1, "Free-form numbers").

use std::borrow::Cow;

/// The text of the same number as existing clients expect it.
pub(super) fn canonical(text: &str) -> Cow<'_, str> {
    if !text.contains(['.', 'e', 'E']) {
        return Cow::Borrowed(if text == "-0" { "0" } else { text });
    }
    match text.parse::<f64>() {
        Ok(number) => Cow::Owned(double(number)),
        Err(_) => Cow::Borrowed(text),
    }
}

/// A double as `java.lang.Double.toString` writes it; infinities are texts, because JSON has none.
fn double(number: f64) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_infinite() {
        return format!("\"{sign}Infinity\"");
    }
    if number == 0.0 {
        return format!("{sign}0.0");
    }
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the format's exponent is a number");
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    // Double.toString writes plain decimals from 10^-3 up to 10^7 and exponents elsewhere
    let body = match exponent {
        -3..=-1 => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        0..=6 => {
            let whole = exponent as usize + 1;
            let padded = format!("{digits:0<whole$}");
            let (whole, rest) = padded.split_at(whole);
            format!("{whole}.{}", if rest.is_empty() { "0" } else { rest })
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            format!("{first}.{}E{exponent}", if rest.is_empty() { "0" } else { rest })
        }
    };
    format!("{sign}{body}")
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn numbers_are_written_as_conductor_writes_them() {
        for (given, expected) in [
            ("12", "12"),
            ("-0", "0"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1.10", "1.1"),
            ("1e5", "100000.0"),
            ("1E-7", "1.0E-7"),
            ("1e-400", "0.0"),
            ("-0.0", "-0.0"),
            ("1.0", "1.0"),
            ("1e400", "\"Infinity\""),
            ("-1e400", "\"-Infinity\""),
            ("12345678.9", "1.23456789E7"),
            ("1234567.0", "1234567.0"),
            ("0.001", "0.001"),
            ("0.00099", "9.9E-4"),
            ("-2.50", "-2.5"),
            ("10.0", "10.0"),
            ("9999999.999", "9999999.999"),
        ] {
            assert_eq!(canonical(given), expected, "{given}");
        }
    }
}
