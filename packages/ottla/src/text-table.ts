import { stripVTControlCharacters, styleText } from "node:util";

/** A value in a table for people; null is shown as `-`. */
export type Cell = string | number | null;

/** The lines of a table for people: columns aligned, numbers to the right, the header in bold where the terminal can. */
export function tableLines(header: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = rows.map((row) => row.map((cell) => String(cell ?? "-")));
  const widths = header.map((title, column) =>
    texts.reduce((widest, row) => Math.max(widest, visibleWidth(row[column] ?? "")), visibleWidth(title)),
  );
  const isNumeric = header.map(
    (_, column) =>
      rows.some((row) => typeof row[column] === "number") && !rows.some((row) => typeof row[column] === "string"),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const blanks = " ".repeat(Math.max(0, (widths[column] ?? 0) - visibleWidth(cell)));
        return isNumeric[column] ? blanks + cell : cell + blanks;
      })
      .join("   ")
      .trimEnd();
  return [styleText("bold", line(header)), ...texts.map(line)];
}

/** How many columns of a terminal a text takes, colours aside. */
function visibleWidth(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** A text in lines of at most so many columns, broken between words; a word that is longer has a line of its own. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && visibleWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
