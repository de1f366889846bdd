import { describeSearch } from "./search.ts";

describeSearch("opensearch-2");
