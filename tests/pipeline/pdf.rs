//! PDF files as small as they can be.

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";
const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";

/// One page that says so.
pub fn says(text: &str) -> Vec<u8> {
    file(&page(&format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET"), FONT), "")
}

/// Locked with a password.
pub fn encrypted(text: &str) -> Vec<u8> {
    let key = "00".repeat(32);
    let lock =
        format!("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <{key}> /U <{key}> >>");
    let mut objects = page(&format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET"), FONT).to_vec();
    objects.push(lock);
    file(&objects, &format!("/Encrypt {} 0 R /ID [<{key}> <{key}>]", objects.len()))
}

/// A page that contains a picture that contains itself.
pub fn endless() -> Vec<u8> {
    let picture = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 6 \
                   /Resources << /XObject << /F1 5 0 R >> >> >>\nstream\n/F1 Do\nendstream";
    file(&page("/F1 Do", picture), "")
}

/// A page and what it calls `F1`.
fn page(content: &str, f1: &str) -> [String; 5] {
    [
        CATALOG.to_owned(),
        PAGES.to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> /XObject << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        f1.to_owned(),
    ]
}

fn file(objects: &[String], more: &str) -> Vec<u8> {
    let size = objects.len() + 1;
    let (mut file, mut table) = ("%PDF-1.4\n".to_owned(), "0000000000 65535 f \n".to_owned());
    for (number, object) in (1..).zip(objects) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let start = file.len();
    file.push_str(&format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R {more} >>\n\
         startxref\n{start}\n%%EOF\n"
    ));
    file.into_bytes()
}
