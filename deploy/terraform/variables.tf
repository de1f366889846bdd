variable "name" {
  description = "The start of the name of everything that is made."
  type        = string
  default     = "dataops"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.name))
    error_message = "Lowercase letters, digits and hyphens, 32 at most."
  }
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}
}

# The bucket

variable "bucket" {
  description = "The name of the bucket for backups. It is made."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "The name of a bucket: 3 to 63 lowercase letters, digits, dots and hyphens."
  }
}

variable "prefix" {
  description = "What the keys of all backups begin with, as in the configuration's `storage: s3://BUCKET/PREFIX`."
  type        = string
  default     = "dataops"

  validation {
    condition     = can(regex("^([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?$", var.prefix))
    error_message = "Letters, digits, dots, hyphens and underscores, with slashes between; none at the ends."
  }
}

variable "kms_key_arn" {
  description = "The KMS key that backups are encrypted with; null for S3's own (SSE-S3). The configuration's `storage.kmsKeyId` may name it, too."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]+:key/.+$", var.kms_key_arn))
    error_message = "The ARN of a key, not of its alias."
  }
}

variable "unfinished_upload_days" {
  description = "Days after which uploads without an end are aborted: longer than any backup takes."
  type        = number
  default     = 3

  validation {
    condition     = var.unfinished_upload_days >= 1 && floor(var.unfinished_upload_days) == var.unfinished_upload_days
    error_message = "Whole days, 1 or more."
  }
}

variable "noncurrent_version_days" {
  description = "Days for which what was deleted or overwritten can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_version_days >= 1 && floor(var.noncurrent_version_days) == var.noncurrent_version_days
    error_message = "Whole days, 1 or more."
  }
}

variable "object_lock" {
  description = "For how many days nobody can delete a backup for good; in the mode COMPLIANCE not even the account's root. Null for no lock. It can't be taken off a bucket again."
  type = object({
    mode = optional(string, "GOVERNANCE")
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null || contains(["GOVERNANCE", "COMPLIANCE"], try(var.object_lock.mode, ""))
    error_message = "The mode is GOVERNANCE or COMPLIANCE."
  }

  validation {
    condition     = var.object_lock == null || try(var.object_lock.days >= 1, false)
    error_message = "One day or more."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete the bucket with backups in it."
  type        = bool
  default     = false
}

variable "indexed_databases" {
  description = "The databases of the configuration that search indexes are built from: who writes may delete what an unfinished index leaves."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.indexed_databases : can(regex("^[a-z0-9][a-z0-9_-]{0,62}$", name))])
    error_message = "Names as the configuration has them: lowercase letters, digits, hyphens and underscores."
  }
}

variable "reader_principals" {
  description = "ARNs of who may take the role that fetches backups: people's roles, CI's. None: no such role is made, only its policy."
  type        = list(string)
  default     = []
}

# The tasks

variable "image" {
  description = "The image of dataops, with your configuration in it."
  type        = string
}

variable "environment" {
  description = "Variables of the tasks that are no secret."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Variables of the tasks that are secret: for each the ARN of a secret of Secrets Manager (`…:key::` for one key of its JSON), or of a parameter of SSM."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[^:]+:(secretsmanager|ssm):", arn))])
    error_message = "ARNs of secrets or parameters, never values."
  }
}

variable "secrets_kms_key_arns" {
  description = "The KMS keys that the secrets are encrypted with, where it is not AWS's own."
  type        = list(string)
  default     = []
}

variable "task_policy_json" {
  description = "What the tasks need of AWS beside the bucket, as a policy: `rds-db:connect`, `es:ESHttp*`, secrets that the configuration itself names."
  type        = string
  default     = null

  validation {
    condition     = var.task_policy_json == null || can(jsondecode(var.task_policy_json).Statement)
    error_message = "A policy, as JSON."
  }
}

variable "daemon_replicas" {
  description = "How many daemons run beside each other; a slot is run once. 0 for scheduled tasks alone."
  type        = number
  default     = 1

  validation {
    condition     = var.daemon_replicas >= 0 && floor(var.daemon_replicas) == var.daemon_replicas
    error_message = "0 or more."
  }
}

variable "daemon_prunes" {
  description = "Whether the daemon's configuration schedules prunes: only then its role may delete backups."
  type        = bool
  default     = false
}

variable "schedules" {
  description = "Commands that EventBridge Scheduler runs as tasks, by a name of yours: `{ backup-production = { command = [\"backup\", \"production\"], expression = \"cron(0 */4 * * ? *)\" } }`. Each is given the slot that it is for."
  type = map(object({
    command    = list(string)
    expression = string
    timezone   = optional(string, "UTC")
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[a-z0-9][a-z0-9_-]{0,30}$", name)) && name != "daemon"])
    error_message = "Names are of lowercase letters, digits, hyphens and underscores, 31 at most; daemon is taken."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : contains(["backup", "prune", "reindex", "seed", "verify"], try(schedule.command[0], ""))])
    error_message = "What may be scheduled: backup, prune, reindex, seed and verify."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : try(schedule.command[0], "") != "prune" || contains(schedule.command, "--confirm")])
    error_message = "Without --confirm, a prune deletes nothing."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^cron\\(.+\\)$", schedule.expression))])
    error_message = "Expressions are cron(…): with others, the instants would not be those of a daemon beside."
  }
}

variable "cpu" {
  description = "Of each task: 1024 is one core."
  type        = number
  default     = 1024
}

variable "memory" {
  description = "MiB of each task."
  type        = number
  default     = 2048
}

variable "disk" {
  description = "GiB of each task's disk: the configuration's `cache.maxSize`, and 21."
  type        = number
  default     = 41

  validation {
    condition     = var.disk >= 21 && var.disk <= 200
    error_message = "Fargate has 21 to 200."
  }
}

variable "cpu_architecture" {
  description = "What the image was built for: X86_64, or ARM64."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "X86_64 or ARM64."
  }
}

variable "subnet_ids" {
  description = "Subnets for the tasks, from where they reach the database, S3 and ECR."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "One subnet or more."
  }
}

variable "security_group_ids" {
  description = "Security groups of the tasks: one that the database lets in."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether tasks get a public address: only in subnets without a NAT gateway and without endpoints."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
  default     = 90
}
