;; What reading blocks of TIFFs spends its time on. codecs.ts compiles it, puts bytes into its memory and takes them out.
(module
  (memory (export "memory") 1)
  ;; 0: of each code its string, 8 bytes: where it stands, in the output or among the single bytes; above it its length.
  (global $singles i32 (i32.const 32784))
  (global $indices i32 (i32.const 33056))
  ;; What is below is the tables'.
  (global (export "freeFrom") i32 (i32.const 33280))

  ;; LZW as TIFF 6.0, section 13, has it: codes from the highest bit down, of 9 to 12 bits, wider one code early.
  ;; Returns 0 where the codes give at least outLength bytes, which are then at $out, else another number.
  ;; 16 bytes after the output may be written.
  (func (export "lzw") (param $in i32) (param $inLength i32) (param $out i32) (param $outLength i32) (result i32)
    (local $inEnd i32) (local $outEnd i32) (local $i i32)
    (local $bits i32) (local $held i32) (local $width i32) ;; the lowest $held bits are the next ones
    (local $code i32) (local $next i32) (local $limit i32) ;; where the next string is entered; where codes get wider
    (local $last i64) (local $string i64) (local $source i32) (local $length i32)

    (loop $fill
      (i32.store8 (i32.add (global.get $singles) (local.get $i)) (local.get $i))
      (i64.store (i32.shl (local.get $i) (i32.const 3))
        (i64.or (i64.const 0x100000000) (i64.extend_i32_u (i32.add (global.get $singles) (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 256))))

    (local.set $inEnd (i32.add (local.get $in) (local.get $inLength)))
    (local.set $outEnd (i32.add (local.get $out) (local.get $outLength)))
    (local.set $width (i32.const 9))
    (local.set $next (i32.const 257)) ;; the first code after a clear one makes no string: it is entered as the end's
    (local.set $limit (i32.const 511))

    (block $done
      (loop $codes
        (br_if $done (i32.ge_u (local.get $out) (local.get $outEnd)))

        (block $enough
          (loop $bytes
            (br_if $enough (i32.ge_u (local.get $held) (local.get $width)))
            (if (i32.ge_u (local.get $in) (local.get $inEnd)) (then (return (i32.const 1))))
            (local.set $bits (i32.or (i32.shl (local.get $bits) (i32.const 8)) (i32.load8_u (local.get $in))))
            (local.set $in (i32.add (local.get $in) (i32.const 1)))
            (local.set $held (i32.add (local.get $held) (i32.const 8)))
            (br $bytes)))
        (local.set $held (i32.sub (local.get $held) (local.get $width)))
        (local.set $code (i32.and
          (i32.shr_u (local.get $bits) (local.get $held))
          (i32.sub (i32.shl (i32.const 1) (local.get $width)) (i32.const 1))))

        (if (i32.eq (local.get $code) (i32.const 256)) ;; clear
          (then
            (local.set $width (i32.const 9))
            (local.set $next (i32.const 257))
            (local.set $limit (i32.const 511))
            (br $codes)))
        (if (i32.eq (local.get $code) (i32.const 257)) (then (return (i32.const 3)))) ;; the end, too early

        ;; The string before, and the byte that follows it. Entered first: it may be this very one.
        (i64.store (i32.shl (local.get $next) (i32.const 3)) (i64.add (local.get $last) (i64.const 0x100000000)))
        (if (i32.gt_u (local.get $code) (local.get $next)) (then (return (i32.const 2))))
        (local.set $string (i64.load (i32.shl (local.get $code) (i32.const 3))))
        (local.set $source (i32.wrap_i64 (local.get $string)))
        (local.set $length (i32.wrap_i64 (i64.shr_u (local.get $string) (i64.const 32))))
        (local.set $last (i64.or
          (i64.extend_i32_u (local.get $out))
          (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
        (local.set $i (local.get $out))
        (local.set $out (i32.add (local.get $out) (local.get $length)))
        (if (i32.eq (local.get $code) (local.get $next))
          (then ;; ends with its own first byte
            (loop $copy
              (br_if $copy (block (result i32)
                (i32.store8 (local.get $i) (i32.load8_u (local.get $source)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $source (i32.add (local.get $source) (i32.const 1)))
                (i32.lt_u (local.get $i) (select (local.get $out) (local.get $outEnd) (i32.lt_u (local.get $out) (local.get $outEnd))))))))
          (else
            (loop $copy
              (br_if $copy (block (result i32)
                (v128.store (local.get $i) (v128.load (local.get $source)))
                (local.set $i (i32.add (local.get $i) (i32.const 16)))
                (local.set $source (i32.add (local.get $source) (i32.const 16)))
                (i32.lt_u (local.get $i) (select (local.get $out) (local.get $outEnd) (i32.lt_u (local.get $out) (local.get $outEnd)))))))))

        (local.set $next (i32.add (local.get $next) (i32.const 1)))
        (if (i32.eq (local.get $next) (local.get $limit))
          (then
            (if (i32.eq (local.get $width) (i32.const 12))
              (then (local.set $next (i32.const 4096))) ;; full
              (else
                (local.set $width (i32.add (local.get $width) (i32.const 1)))
                (local.set $limit (select
                  (i32.const 4097)
                  (i32.add (i32.shl (local.get $limit) (i32.const 1)) (i32.const 1))
                  (i32.eq (local.get $width) (i32.const 12))))))))
        (br $codes)))
    (i32.const 0))

  ;; Selects for each byte the one $bytes before it, and 0 where there is none.
  (func $shiftBy (param $bytes i32) (result v128)
    (local $i i32)
    (loop $each
      (i32.store8 (i32.add (global.get $indices) (local.get $i))
        (select
          (i32.sub (local.get $i) (local.get $bytes))
          (i32.const 255)
          (i32.ge_u (local.get $i) (local.get $bytes))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $i) (i32.const 16))))
    (v128.load (global.get $indices)))

  ;; Selects for each byte the one of the vector before it that has the same place in a stride, the last of them.
  (func $lastOf (param $stride i32) (result v128)
    (local $i i32)
    (loop $each
      (i32.store8 (i32.add (global.get $indices) (local.get $i))
        (i32.add
          (i32.sub (i32.const 16) (local.get $stride))
          (i32.rem_u (local.get $i) (local.get $stride))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $i) (i32.const 16))))
    (v128.load (global.get $indices)))

  ;; each LANES
  ;; Predictor 2 (TIFF 6.0, section 14) for LANES of i8x16, i16x8, i32x4 and i64x2: of each row's whole sixteen bytes, each
  ;; element becomes the sum of itself and all before it at distances of $stride bytes, 16 at most.
  ;; Within a vector: sums of two, of four, of eight, of sixteen.
  (func (export "addLANES") (param $at i32) (param $rowBytes i32) (param $rows i32) (param $stride i32)
    (local $row i32) (local $end i32) (local $x v128) (local $sum v128)
    (local $by1 v128) (local $by2 v128) (local $by4 v128) (local $by8 v128) (local $carried v128)
    (local.set $by1 (call $shiftBy (local.get $stride)))
    (local.set $by2 (call $shiftBy (i32.shl (local.get $stride) (i32.const 1))))
    (local.set $by4 (call $shiftBy (i32.shl (local.get $stride) (i32.const 2))))
    (local.set $by8 (call $shiftBy (i32.shl (local.get $stride) (i32.const 3))))
    (local.set $carried (call $lastOf (local.get $stride)))
    (loop $nextRow
      (local.set $row (local.get $at))
      (local.set $end (i32.add (local.get $at) (i32.and (local.get $rowBytes) (i32.const -16))))
      (local.set $sum (v128.const i64x2 0 0))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
          (local.set $x (v128.load (local.get $at)))
          (local.set $x (LANES.add (local.get $x) (i8x16.swizzle (local.get $x) (local.get $by1))))
          (local.set $x (LANES.add (local.get $x) (i8x16.swizzle (local.get $x) (local.get $by2))))
          (local.set $x (LANES.add (local.get $x) (i8x16.swizzle (local.get $x) (local.get $by4))))
          (local.set $x (LANES.add (local.get $x) (i8x16.swizzle (local.get $x) (local.get $by8))))
          (local.set $sum (LANES.add (local.get $x) (i8x16.swizzle (local.get $sum) (local.get $carried))))
          (v128.store (local.get $at) (local.get $sum))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))
      (local.set $at (i32.add (local.get $row) (local.get $rowBytes)))
      (br_if $nextRow (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; The other way round, from the end of each row down to where fewer than sixteen bytes have one $stride before them.
  (func (export "subtractLANES") (param $at i32) (param $rowBytes i32) (param $rows i32) (param $stride i32)
    (local $row i32) (local $before i32)
    (loop $nextRow
      (local.set $row (local.get $at))
      (local.set $at (i32.add (local.get $at) (local.get $rowBytes)))
      (block $done
        (loop $next
          (local.set $at (i32.sub (local.get $at) (i32.const 16)))
          (local.set $before (i32.sub (local.get $at) (local.get $stride)))
          (br_if $done (i32.lt_s (local.get $before) (local.get $row)))
          (v128.store (local.get $at) (LANES.sub (v128.load (local.get $at)) (v128.load (local.get $before))))
          (br $next)))
      (local.set $at (i32.add (local.get $row) (local.get $rowBytes)))
      (br_if $nextRow (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))
  ;; done with LANES
)
