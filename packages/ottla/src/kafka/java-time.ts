/** Times as Kafka's tools read them from a command line. */

/** Text that is no time or no duration, in Java's words. */
export class TimeFormatError extends Error {
  override readonly name = "TimeFormatError";
}

const durationFormat =
  /^([-+]?)P(?:([-+]?\d+)D)?(T(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d+)(?:[.,](\d{0,9}))?S)?)?$/i;

/** An ISO 8601 duration of days and smaller, as `java.time.Duration.parse` takes it, in milliseconds. */
export function parseDuration(text: string): number {
  const match = durationFormat.exec(text);
  const [, sign, days, time, hours, minutes, seconds, fraction] = match ?? [];
  const hasNoPart = [days, hours, minutes, seconds].every((part) => part === undefined);
  if (match === null || hasNoPart || time?.toUpperCase() === "T") {
    throw new TimeFormatError("Text cannot be parsed to a Duration");
  }
  const fractionMs = Number(`${seconds?.startsWith("-") ? "-" : ""}0.${fraction ?? ""}0`) * 1000;
  const wholeMs =
    ((Number(days ?? 0) * 24 + Number(hours ?? 0)) * 60 + Number(minutes ?? 0)) * 60_000 + Number(seconds ?? 0) * 1000;
  return (sign === "-" ? -1 : 1) * Math.trunc(wholeMs + fractionMs);
}

const dateTimeFormat = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)(Z|[+-]\d{2}(?::?\d{2})?)/;

/** `YYYY-MM-DDThh:mm:ss.sss`, with a zone or in UTC, in milliseconds since 1970 (Kafka's `Utils.getDateTime`; what follows the zone is passed over there too). */
export function parseDateTime(text: string): number {
  const [, time] = text.split("T");
  if (time === undefined || time === "") {
    throw new TimeFormatError(
      "java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according to ISO8601 format",
    );
  }
  const zoned = /[-+Z]/.test(time) ? text : `${text}Z`;
  const match = dateTimeFormat.exec(zoned);
  const parsed = match === null ? undefined : timestampOf(match);
  if (parsed === undefined) throw new TimeFormatError(`java.text.ParseException: Unparseable date: "${zoned}"`);
  return parsed;
}

/** Undefined where a part is out of range, such as February 30. */
function timestampOf(match: RegExpExecArray): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0] = match.slice(1, 8).map(Number);
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const date = new Date(utc);
  const isSame =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second &&
    date.getUTCMilliseconds() === ms;
  return isSame ? utc - zoneOffsetMs(match[8] ?? "Z") : undefined;
}

function zoneOffsetMs(zone: string): number {
  if (zone === "Z") return 0;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000;
}
