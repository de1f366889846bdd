import { describeReindex } from "./engine-cases.ts";

describeReindex("opensearch-2");
