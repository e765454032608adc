// Takes the lock at the path given, says what came of it, and stays until it is killed.
import { DiskError, nodeDisk } from "../src/index.ts";

try {
  nodeDisk().lock(process.argv[2]!);
  process.send!("locked");
} catch (error) {
  process.send!(`${(error as DiskError).name} ${error instanceof DiskError ? error.code : ""}`);
}
process.on("disconnect", () => process.exit());
setInterval(() => {}, 60_000);
