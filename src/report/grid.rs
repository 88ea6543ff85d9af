//! The look of every table: columns of numbers on the right, one rule under the header, no boxes.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table,
    TableStyle,
};

use super::Look;

/// A rule under the header and another at the end, as in a paper.
const STYLE: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// A table that is being filled.
pub struct Grid {
    table: Table,
    text_columns: Vec<usize>,
    look: Look,
}

impl Grid {
    /// A table with these columns; `text_columns` are aligned to the left, numbers to the right.
    pub fn new(header: &[String], text_columns: &[usize], look: Look) -> Grid {
        let mut table = Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(look.width)
            .set_header(
                header
                    .iter()
                    .map(|h| Cell::new(h).add_attribute(Attribute::Bold)),
            );
        if look.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        Grid {
            table,
            text_columns: text_columns.to_vec(),
            look,
        }
    }

    /// Adds a row; `marked` ones stand out in color.
    pub fn row(&mut self, cells: &[String], marked: bool) {
        self.table.add_row(cells.iter().map(|text| {
            let cell = Cell::new(text);
            if marked { cell.fg(Color::Green) } else { cell }
        }));
    }

    /// The table with a newline at its end.
    pub fn finish(mut self) -> String {
        for (i, column) in self.table.column_iter_mut().enumerate() {
            if self.text_columns.contains(&i) {
                column.set_cell_alignment(CellAlignment::Left);
            } else {
                // Only text wraps: a number that is broken over lines reads as another number.
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let text = if self.look.color {
            self.table.to_string()
        } else {
            self.table.trim_fmt()
        };
        text + "\n"
    }
}
