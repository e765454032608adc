import { type Disk, DiskError } from "@ottla/runtime";
import { CommandError } from "./context.ts";

/** The text of a file that the user named. */
export function readText(disk: Disk, path: string): string {
  try {
    return disk.readFile(path).toString("utf8");
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new CommandError(error.code === "ENOENT" ? `there is no file ${path}` : error.message, { cause: error });
  }
}
