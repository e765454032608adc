/** One column of a table as Kafka's tools print them. */
export interface Column<Row> {
  readonly title: string;
  /** Values are filled up with blanks to this width; a longer one pushes the rest of its line to the right (Java's `%-15s`). 0: not filled up. */
  readonly width: number;
  /** Whether the column is as wide as its longest value where that is longer than `width`. */
  readonly grows: boolean;
  /** Null is printed as `-`. */
  readonly value: (row: Row) => string | number | null;
}

/** A column as wide as its longest value, and never below `least`. */
export function growing<Row>(title: string, least: number, value: Column<Row>["value"]): Column<Row> {
  return { title, width: least, grows: true, value };
}

/** A column whose width does not depend on its values. */
export function fixed<Row>(title: string, width: number, value: Column<Row>["value"]): Column<Row> {
  return { title, width, grows: false, value };
}

/** A last column, not filled up. */
export function last<Row>(title: string, value: Column<Row>["value"]): Column<Row> {
  return fixed(title, 0, value);
}

/** The lines of a table, the header first: one blank between two columns. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const texts = rows.map((row) => columns.map(({ value }) => String(value(row) ?? "-")));
  const widths = columns.map(({ width, grows }, index) =>
    grows ? texts.reduce((widest, row) => Math.max(widest, row[index]?.length ?? 0), width) : width,
  );
  return [columns.map(({ title }) => title), ...texts].map((row) =>
    row.map((text, index) => text.padEnd(widths[index] ?? 0)).join(" "),
  );
}
