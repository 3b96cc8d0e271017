//! The text of a PDF, page by page. One that was scanned has none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Document, Error, OutputError, extract_text_from_mem};

use super::Unreadable;

/// As well as it can be done: what the better reader of the two does not know it panics at.
pub(super) fn text(pdf: &[u8]) -> Result<String, Unreadable> {
    let text = match catch_unwind(AssertUnwindSafe(|| extract_text_from_mem(pdf))) {
        Ok(Ok(text)) => text,
        Ok(Err(OutputError::PdfError(error))) => return Err(unreadable(&error)),
        Ok(Err(error)) => return Err(Unreadable::Broken(error.to_string())),
        Err(_) => plainer(pdf).map_err(|error| unreadable(&error))?,
    };
    Ok(paragraphs(&text))
}

fn plainer(pdf: &[u8]) -> Result<String, Error> {
    let document = Document::load_mem(pdf)?;
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    document.extract_text(&pages)
}

fn unreadable(error: &Error) -> Unreadable {
    match error {
        Error::Decryption(_) | Error::InvalidPassword | Error::UnsupportedSecurityHandler(_) => {
            Unreadable::Encrypted
        }
        error => Unreadable::Broken(error.to_string()),
    }
}

/// Lines as they stand, with one empty line at most between two.
fn paragraphs(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.dedup_by(|next, last| next.is_empty() && last.is_empty());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One page that says so, as small as it can be.
    fn pdf(says: &str) -> Vec<u8> {
        let page = format!("BT /F1 12 Tf 72 720 Td ({says}) Tj ET");
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
             /Resources << /Font << /F1 5 0 R >> >> >>"
                .to_owned(),
            format!("<< /Length {} >>\nstream\n{page}\nendstream", page.len()),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        ];
        let mut file = "%PDF-1.4\n".to_owned();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
        for (number, object) in (1..).zip(&objects) {
            table.push_str(&format!("{:010} 00000 n \n", file.len()));
            file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
        }
        let start = file.len();
        let size = objects.len() + 1;
        file.push_str(&format!(
            "{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        ));
        file.into_bytes()
    }

    #[test]
    fn what_a_page_says_is_read_by_either_reader() {
        let pdf = pdf("Every debit has a credit.");
        assert_eq!(text(&pdf).expect("it can be read").trim(), "Every debit has a credit.");
        assert_eq!(plainer(&pdf).expect("it can be read").trim(), "Every debit has a credit.");
    }

    #[test]
    fn a_broken_one_says_so() {
        let mut pdf = pdf("Half of it is gone.");
        pdf.truncate(pdf.len() / 2);
        let error = text(&pdf).expect_err("it is refused").to_string();
        assert!(error.starts_with("it is broken: "), "{error}");
    }
}
